// A process that receives traces as a collector does (OTLP over HTTP, protobuf) and hands each span
// to its parent. Field numbers: https://github.com/open-telemetry/opentelemetry-proto, trace/v1.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { BinaryReader } from '@bufbuild/protobuf/wire'

export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly name: string
  /** 2 is a server's. */
  readonly kind: number
  readonly startNs: bigint
  readonly endNs: bigint
  readonly attributes: Readonly<Record<string, string>>
  readonly resource: Readonly<Record<string, string>>
}

type Field = Uint8Array | bigint | number
type Message = ReadonlyMap<number, readonly Field[]>

const varint = 0
const fixed64 = 1
const delimited = 2

/** The fields of a message by number: bytes for strings and messages. */
function parse(bytes: Uint8Array): Message {
  const reader = new BinaryReader(bytes)
  const fields = new Map<number, Field[]>()
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag()
    const values = fields.get(number) ?? []
    fields.set(number, values)
    if (type === varint) values.push(BigInt(reader.int64()))
    else if (type === fixed64) values.push(BigInt(reader.fixed64()))
    else if (type === delimited) values.push(reader.bytes())
    else reader.skip(type, number)
  }
  return fields
}

const messages = (message: Message, number: number) =>
  (message.get(number) ?? []).map((field) => parse(field as Uint8Array))
const text = (message: Message, number: number) =>
  Buffer.from((message.get(number)?.[0] as Uint8Array | undefined) ?? []).toString()
const hex = (message: Message, number: number) =>
  Buffer.from((message.get(number)?.[0] as Uint8Array | undefined) ?? []).toString('hex')

/** KeyValue { key = 1; value = 2 }, AnyValue { string 1, bool 2, int 3, double 4 }. */
function attributesOf(message: Message, number: number): Record<string, string> {
  const pairs = messages(message, number).map((pair) => {
    const [value] = messages(pair, 2)
    const string = value?.get(1)?.[0]
    const shown =
      string === undefined ? String(value?.get(3)?.[0] ?? '') : text(value as Message, 1)
    return [text(pair, 1), shown]
  })
  return Object.fromEntries(pairs)
}

/** ExportTraceServiceRequest -> ResourceSpans -> ScopeSpans -> Span. */
function spansOf(body: Uint8Array): ReceivedSpan[] {
  return messages(parse(body), 1).flatMap((resourceSpans) => {
    const [resource] = messages(resourceSpans, 1)
    const described = resource === undefined ? {} : attributesOf(resource, 1)
    return messages(resourceSpans, 2)
      .flatMap((scopeSpans) => messages(scopeSpans, 2))
      .map((span) => ({
        traceId: hex(span, 1),
        spanId: hex(span, 2),
        parentSpanId: hex(span, 4),
        name: text(span, 5),
        kind: Number(span.get(6)?.[0] ?? 0),
        startNs: span.get(7)?.[0] as bigint,
        endNs: span.get(8)?.[0] as bigint,
        attributes: attributesOf(span, 9),
        resource: described,
      }))
  })
}

const server = createServer(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const isTraces = request.method === 'POST' && request.url === '/v1/traces'
  const isProtobuf = request.headers['content-type'] === 'application/x-protobuf'
  if (!isTraces || !isProtobuf) {
    response.writeHead(isTraces ? 415 : 404).end()
    return
  }
  process.send?.({ spans: spansOf(Buffer.concat(chunks)) })
  response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
})
server.listen(0, '127.0.0.1', () =>
  process.send?.({ port: (server.address() as AddressInfo).port }),
)
process.on('disconnect', () => process.exit())
