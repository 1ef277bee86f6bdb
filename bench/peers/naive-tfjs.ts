// What somebody writes in an afternoon: Fastify, sharp's own resize, tfjs-node in the same process,
// one image at a time. Started as `node naive-tfjs.js`, with the environment of common.py.
import { fastify } from 'fastify'
import { findInstallation } from '../../src/engines/tensorflow/installation.ts'
import { loadLibrary } from '../../src/engines/tensorflow/library.ts'
import { sharp } from '../../src/imaging/sharp.ts'

/** The package's own API, as far as this file uses it. */
interface Tfjs {
  tensor(values: Uint8Array, shape: number[], dtype: 'int32'): Tensor
  readonly node: {
    loadSavedModel(folder: string, tags: string[], signature: string): Promise<Model>
  }
}
interface Tensor {
  data(): Promise<Float32Array>
  dispose(): void
}
interface Model {
  predict(input: Record<string, Tensor>): Record<string, Tensor>
}

const { BENCH_SAVED_MODEL = '', BENCH_PORT, BENCH_THREADS } = process.env
const crop = 224
const largestBody = 20 * 1024 * 1024
const answered = 5

const installation = await findInstallation()
if (installation === null) throw new Error('TensorFlow is not installed: npm run setup:tensorflow')
const settings = { device: 'cpu', threads: Number(BENCH_THREADS), precision: 'fp32' } as const
const tf = loadLibrary(installation, settings) as unknown as Tfjs
const model = await tf.node.loadSavedModel(BENCH_SAVED_MODEL, ['serve'], 'serving_default')

async function classify(image: Buffer) {
  // Two resizes of sharp's would become one pipeline step, so its usual idiom is one that covers.
  const pixels = await sharp(image)
    .resize(crop, crop, { fit: 'cover', kernel: 'linear' })
    .toColourspace('srgb')
    .removeAlpha()
    .raw()
    .toBuffer()
  const input = tf.tensor(new Uint8Array(pixels), [1, crop, crop, 3], 'int32')
  const outputs = model.predict({ images: input })
  const scores = await (outputs.probabilities as Tensor).data()
  for (const tensor of [input, ...Object.values(outputs)]) tensor.dispose()
  const best = Array.from(scores, (probability, index) => ({ index, probability }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, answered)
  return { predictions: best }
}

const app = fastify({ bodyLimit: largestBody })
app.removeAllContentTypeParsers()
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
app.post('/', async (request) => await classify(request.body as Buffer))
await app.listen({ host: '127.0.0.1', port: Number(BENCH_PORT) })
