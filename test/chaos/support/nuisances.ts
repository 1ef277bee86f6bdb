// Clients that are wrong, gone, slow or in a hurry, each in its own way, on real sockets.
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { openSocket, type RawClient, statusOf } from '../../support/raw-socket.ts'

export interface Ground {
  readonly origin: string
  readonly model: string
  /** An image that the model answers. */
  readonly image: Uint8Array
}

export interface Nuisance {
  readonly name: string
  /** What the server may answer; 0 is nothing. */
  readonly allowed: readonly number[]
  /** @returns the status of its last answer */
  readonly run: (ground: Ground) => Promise<number>
}

const request = (line: string, length: number, more: readonly string[] = []) =>
  [`POST ${line} HTTP/1.1`, 'Host: x', `Content-Length: ${length}`, ...more, '', ''].join('\r\n')

/** Sends one request on a connection of its own, and waits for what comes of it. */
async function ask(
  { origin }: Ground,
  { line, body, more = [] }: { line: string; body: Uint8Array; more?: readonly string[] },
): Promise<number> {
  const client = await openSocket(origin)
  client.send(request(line, body.length, [...more, 'Connection: close']))
  client.send(body)
  return statusOf(await client.closed) || 0
}

/** Leaves in the middle of what `begin` begins. */
async function leave(
  { origin }: Ground,
  begin: (client: RawClient) => Promise<void> | void,
): Promise<number> {
  const client = await openSocket(origin)
  await begin(client)
  client.socket.destroy()
  return 0
}

const classify = ({ model }: Ground) => `/v1/classify?model=${model}`
const batch = ({ model }: Ground) => `/v1/classify/batch?model=${model}`
const form = 'Content-Type: multipart/form-data; boundary=b'
const part = (name: string, file = '') =>
  `--b\r\nContent-Disposition: form-data; name="${name}"${file === '' ? '' : `; filename="${file}"`}\r\n\r\n`

/** Files of a form, good and bad ones, two with the same name. */
function mixedForm(image: Uint8Array, files = 6): Buffer {
  const contents = [image, Buffer.from('text'), image, image.subarray(0, 40), Buffer.alloc(0)]
  const parts = Array.from({ length: files }, (_, at) => [
    Buffer.from(part('image', at < 2 ? 'same.png' : `${at}.png`)),
    contents[at % contents.length] as Uint8Array,
    Buffer.from('\r\n'),
  ])
  return Buffer.concat([...parts.flat(), Buffer.from('--b--\r\n')])
}

const lines = 'Accept: application/x-ndjson'
const large = Buffer.alloc(4 * 1024 * 1024, 7)

export const nuisances: readonly Nuisance[] = [
  {
    name: 'text for an image',
    allowed: [415],
    run: (ground) => ask(ground, { line: classify(ground), body: Buffer.from('hello') }),
  },
  {
    name: 'half an image',
    allowed: [422],
    run: (ground) => ask(ground, { line: classify(ground), body: ground.image.subarray(0, 60) }),
  },
  {
    name: 'a model that is not there, and a large body',
    allowed: [404],
    run: (ground) => ask(ground, { line: '/v1/classify?model=none', body: large }),
  },
  {
    name: 'a form whose field belongs into the query',
    allowed: [400],
    run: (ground) =>
      ask(ground, {
        line: classify(ground),
        body: Buffer.concat([Buffer.from(`${part('top_k')}5\r\n`), mixedForm(ground.image)]),
        more: [form],
      }),
  },
  {
    name: 'a form of good and bad files',
    allowed: [200],
    run: (ground) =>
      ask(ground, { line: batch(ground), body: mixedForm(ground.image, 12), more: [form] }),
  },
  {
    name: 'too little time',
    allowed: [200, 504],
    run: (ground) =>
      ask(ground, {
        ...{ line: classify(ground), body: ground.image },
        more: ['X-Request-Timeout-Ms: 2'],
      }),
  },
  {
    name: 'something behind a compressed body',
    allowed: [400],
    run: (ground) => {
      const body = Buffer.concat([gzipSync('{"inputs":[]}'), large.subarray(0, 200_000)])
      return ask(ground, {
        ...{ line: `/v2/models/${ground.model}/infer`, body },
        more: ['Content-Encoding: gzip'],
      })
    },
  },
  {
    name: 'bytes that are no HTTP',
    allowed: [400],
    run: async ({ origin }) => {
      const { send, closed } = await openSocket(origin)
      send('\x16\x03\x01 hello\r\n\r\n')
      return statusOf(await closed) || 0
    },
  },
  {
    name: 'gone after the headers',
    allowed: [0],
    run: (ground) => leave(ground, ({ send }) => send(request(classify(ground), 1000))),
  },
  {
    name: 'gone in the middle of a large body',
    allowed: [0],
    run: (ground) =>
      leave(ground, async ({ send }) => {
        send(request(classify(ground), 2 * large.length))
        send(large)
        await sleep(5)
      }),
  },
  {
    name: 'gone when all was sent',
    allowed: [0],
    run: (ground) =>
      leave(ground, async ({ send }) => {
        send(request(classify(ground), ground.image.length))
        send(ground.image)
        await sleep(1 + Math.random() * 5)
      }),
  },
  {
    name: 'gone with requests that wait behind another',
    allowed: [0],
    run: (ground) =>
      leave(ground, async ({ send }) => {
        for (let count = 0; count < 3; count += 1) {
          send(request(classify(ground), ground.image.length))
          send(ground.image)
        }
        send(request(classify(ground), 2 * large.length))
        send(large)
        await sleep(3)
      }),
  },
  {
    name: 'gone in the middle of a form',
    allowed: [0],
    run: (ground) =>
      leave(ground, async ({ send }) => {
        const body = mixedForm(ground.image, 40)
        send(request(batch(ground), body.length, [form]))
        send(body.subarray(0, body.length / 2))
        await sleep(5)
      }),
  },
  {
    name: 'gone after the first line of many',
    allowed: [0],
    run: (ground) =>
      leave(ground, async ({ send, until }) => {
        const body = mixedForm(ground.image, 40)
        send(request(batch(ground), body.length, [form, lines]))
        send(body)
        await until(/"index"/)
      }),
  },
  {
    name: 'a body that never ends',
    allowed: [408],
    run: async (ground) => {
      const { send, closed } = await openSocket(ground.origin)
      send(request(classify(ground), 1_000_000))
      send(large.subarray(0, 100_000))
      return statusOf(await closed) || 0
    },
  },
  {
    name: 'a refusal, then a good request on the same connection',
    allowed: [200],
    run: async (ground) => {
      const { send, closed, until } = await openSocket(ground.origin)
      const field = Buffer.from(`${part('top_k')}5\r\n${part('image', 'large.jpg')}`)
      const body = Buffer.concat([field, large.subarray(0, 250_000)])
      send(request(classify(ground), body.length, [form]))
      send(body.subarray(0, 200_000))
      await Promise.race([until(/^HTTP\/1\.1 4\d\d/), closed])
      send(body.subarray(200_000))
      send(request(classify(ground), ground.image.length, ['Connection: close']))
      send(ground.image)
      return Number(/.*HTTP\/1\.1 (\d+)/s.exec(await closed)?.[1] ?? 0)
    },
  },
]
