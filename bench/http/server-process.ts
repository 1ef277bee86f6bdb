// One HTTP server in a process of its own, which can tell what its main thread has used and profile
// it. Started by bench/http.ts as `node server-process.js <kind>`.
import { readFile, writeFile } from 'node:fs/promises'
import { createServer as createPlainServer } from 'node:http'
import { Session } from 'node:inspector/promises'
import { fastify } from 'fastify'
import { listenStubService } from './stub-service.ts'

/** `service` logs a line a request as by default; `quiet` has LOG_LEVEL=warn. */
export type ServerKind = 'node' | 'fastify' | 'service' | 'quiet'

export type ServerTask =
  | { readonly task: 'usage' }
  | { readonly task: 'startProfile' }
  | { readonly task: 'stopProfile'; readonly path: string }

export interface ServerUsage {
  /** Milliseconds that the main thread has run. */
  readonly mainMs: number
  /** The same of all threads. */
  readonly processMs: number
  readonly rssBytes: number
}

const answer = { model: 'resnet50', version: '1', weights: 'custom', predictions: [] }
const largestBody = 20 * 1024 * 1024

/** What Fastify costs by itself: the whole body in memory, a small JSON answer. */
async function listenFastify(): Promise<string> {
  const app = fastify({ bodyLimit: largestBody })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.post('/v1/classify', async () => answer)
  return await app.listen({ host: '127.0.0.1', port: 0 })
}

/** What Node's own server costs: nothing can be faster on it. */
async function listenNode(): Promise<string> {
  const text = JSON.stringify(answer)
  const server = createPlainServer((request, response) => {
    request.resume().once('end', () => {
      response.setHeader('content-type', 'application/json').end(text)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return `http://127.0.0.1:${address.port}`
}

const listen: Readonly<Record<ServerKind, () => Promise<string>>> = {
  node: listenNode,
  fastify: listenFastify,
  service: () => listenStubService('info'),
  quiet: () => listenStubService('warn'),
}

/** The kernel's count for the main thread, in nanoseconds (proc(5), schedstat). */
async function usage(): Promise<ServerUsage> {
  const text = await readFile(`/proc/self/task/${process.pid}/schedstat`, 'utf8')
  const { user, system } = process.cpuUsage()
  return {
    mainMs: Number(text.split(' ')[0]) / 1e6,
    processMs: (user + system) / 1e3,
    rssBytes: process.memoryUsage.rss(),
  }
}

const profiler = new Session()

async function perform(task: ServerTask): Promise<object> {
  switch (task.task) {
    case 'usage':
      return await usage()
    case 'startProfile':
      profiler.connect()
      await profiler.post('Profiler.enable')
      await profiler.post('Profiler.setSamplingInterval', { interval: 200 }) // microseconds
      await profiler.post('Profiler.start')
      return {}
    case 'stopProfile': {
      const { profile } = await profiler.post('Profiler.stop')
      profiler.disconnect()
      await writeFile(task.path, JSON.stringify(profile))
      return {}
    }
  }
}

process.on('message', (task: ServerTask) => {
  void perform(task).then((result) => process.send?.(result))
})
process.on('disconnect', () => process.exit())
process.send?.({ origin: await listen[process.argv[2] as ServerKind]() })
