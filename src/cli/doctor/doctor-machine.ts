// What `doctor` finds about the machine: Node, cores, memory, graphics processors.
import { execFile } from 'node:child_process'
import { cpus, freemem, totalmem } from 'node:os'
import { promisify } from 'node:util'
import { cores, memoryBytes } from '../../config.ts'
import { packageVersion } from '../package-version.ts'
import type { Finding } from './finding.ts'

const bytesPerGib = 2 ** 30
/** Two ResNets in two sessions with their decoders, with room to spare (docs/operations.md). */
const enoughMemoryGib = 2
/** nvidia-smi on a machine whose driver hangs would keep everybody waiting. */
const gpuTimeoutMs = 10_000

export async function examineMachine(): Promise<readonly Finding[]> {
  return [
    { level: 'ok', text: `resnet-serving ${packageVersion()} on Node ${process.versions.node}` },
    examineCores(),
    examineMemory(),
    await examineGpus(),
  ]
}

function examineCores(): Finding {
  const usable = cores()
  const all = cpus()
  const model = all[0]?.model.trim() ?? 'unknown processor'
  const share =
    usable < all.length ? ` (of ${all.length}: this process may not use the others)` : ''
  return { level: 'ok', text: `${usable} cores${share}, ${model}` }
}

function examineMemory(): Finding {
  const isLimited = memoryBytes() < totalmem()
  const total = memoryBytes() / bytesPerGib
  const free = freemem() / bytesPerGib
  const text = `${total.toFixed(1)} GiB of memory${isLimited ? ' (this container)' : `, ${free.toFixed(1)} free`}`
  if (total >= enoughMemoryGib) return { level: 'ok', text }
  return { level: 'note', text, todo: 'serve one model only (MODELS) with SESSIONS_PER_DEVICE=1' }
}

async function examineGpus(): Promise<Finding> {
  const query = ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader']
  try {
    const { stdout } = await promisify(execFile)('nvidia-smi', query, { timeout: gpuTimeoutMs })
    const gpus = stdout.trim().split('\n')
    const named = gpus.map((gpu, index) => `cuda:${index} is ${gpu}`)
    return {
      level: 'ok',
      text: named.join('; '),
      todo: 'an engine that names it below serves on it; docs/engines.md says how one gets there',
    }
  } catch {
    return { level: 'note', text: 'no NVIDIA GPU: models run on the CPU' }
  }
}
