// Engines in bare Python loops: what a library computes with no service around it.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { peerEnvironment, type Setting } from './contenders.ts'
import { peersFolder, pythonFor } from './python-venv.ts'

export interface BareLoop {
  readonly name: string
  readonly pid: number
  measure(batch: number, seconds: number): Promise<{ imagesPerSecond: number; medianMs: number }>
}

/** @throws Error where the engine does not start */
export async function startBareLoop(
  engine: 'onnxruntime' | 'openvino' | 'tensorflow' | 'pillow',
  setting: Setting,
  images: readonly string[],
): Promise<BareLoop> {
  const python = join(await pythonFor('bare'), 'python')
  const child = spawn(python, ['bare.py', engine], {
    cwd: peersFolder,
    env: { ...process.env, ...peerEnvironment(setting, 0), BENCH_IMAGES: images.join(':') },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error(`bare ${engine} ended with exit code ${child.exitCode}`)
    return JSON.parse(value)
  }
  await next()
  return {
    name: `bare ${engine} in Python`,
    pid: child.pid ?? 0,
    async measure(batch, seconds) {
      child.stdin.write(`${JSON.stringify({ batch, seconds })}\n`)
      return await next()
    },
  }
}
