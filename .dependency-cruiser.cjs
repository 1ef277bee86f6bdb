// Who may import whom: the room table of ARCHITECTURE.md, checked by `npm run check`.
// Keys are folders of src/; each list names the rooms a room may import besides itself, errors.ts and
// cancellation.ts.
const rooms = {
  http: ['classification', 'metrics', 'repository'],
  classification: ['imaging', 'batching', 'sessions', 'repository'],
  sessions: ['engines'],
  engines: ['savedmodel', 'onnx'],
  repository: ['savedmodel'],
  savedmodel: ['graph'],
  onnx: ['graph'],
  resnet: ['graph'],
  cli: ['(?!http/)[^/]+'],
  imaging: [],
  batching: [],
  metrics: [],
  tracing: [],
  graph: [],
}

// Packages that may be imported by one room only (the composition root may not import them either).
const homes = {
  sharp: 'imaging',
  'onnxruntime-node|@tensorflow': 'engines',
  koffi: 'engines|imaging',
  'fastify|@fastify': 'http',
  'prom-client': 'metrics',
  '@opentelemetry': 'tracing',
  '@bufbuild/protobuf': 'savedmodel|onnx',
}

const forbid = (name, from, to) => ({ name, severity: 'error', from, to })

module.exports = {
  forbidden: [
    forbid('no-cycles', {}, { circular: true }),
    forbid(
      'nobody-imports-the-root',
      { path: '^src/[^/]+/', pathNot: '^src/cli/' },
      {
        path: '^src/(app|load-model|observers|server|config|heap-growth|listen-failure|open-log)\\.ts$',
      },
    ),
    forbid(
      'http-sees-only-types-of-repository',
      { path: '^src/http/' },
      { path: '^src/repository/', dependencyTypesNot: ['type-only'] },
    ),
    forbid(
      'engines-load-in-the-session-process-only',
      { path: '^src/sessions/', pathNot: 'worker\\.ts$' },
      { path: '^src/engines/', dependencyTypesNot: ['type-only'] },
    ),
    forbid(
      'commands-share-what-lies-above-their-folders', // or ask `models` for a model
      { path: '^src/cli/([^/]+)/' },
      { path: '^src/cli/[^/]+/', pathNot: '^src/cli/($1|models)/' },
    ),
    ...Object.entries(rooms).map(([room, may]) =>
      forbid(
        `what-${room}-may-import`,
        { path: `^src/${room}/` },
        {
          path: '^src/',
          pathNot: [
            `^src/(${[room, ...may].join('|')})/`,
            '^src/(errors|cancellation)\\.ts$',
            ...(room === 'cli' ? ['^src/(app|server|config|listen-failure)\\.ts$'] : []),
          ],
        },
      ),
    ),
    ...Object.entries(homes).map(([packages, home]) =>
      forbid(
        `${packages}-lives-in-${home}`,
        { path: '^src/', pathNot: `^src/(${home})/` },
        { path: `(^|node_modules/)(${packages})(/|$)` },
      ),
    ),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
  },
}
