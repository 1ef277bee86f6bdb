// Tells glibc's malloc to give large memory back. Left alone it raises the size from which memory is
// mapped by itself to 32 MB once such a piece was freed, and then keeps the holes that decoded
// images leave: 100 MiB and more after some large ones.
// https://man7.org/linux/man-pages/man3/mallopt.3.html
import { createRequire } from 'node:module'

const mmapThreshold = { parameter: -3, value: 1024 * 1024 }
const trimThreshold = { parameter: -1, value: 1024 * 1024 }
/** Each thread would otherwise get heaps of its own, up to eight a core. */
const arenaMax = { parameter: -8, value: 2 }

/**
 * Gives the holes that freed images left back to the system: on any thread, in about 2 ms. The
 * threshold above only trims the end of a heap.
 * https://man7.org/linux/man-pages/man3/malloc_trim.3.html
 */
export function trimMalloc(): void {
  trim ??= findTrim()
  trim(0)
}

let trim: ((padBytes: number) => unknown) | undefined

function findTrim(): (padBytes: number) => unknown {
  try {
    if (process.platform === 'linux') return loadLibc().func('int malloc_trim(size_t)')
  } catch {
    // as below
  }
  return () => {}
}

function loadLibc() {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
  return koffi.load('libc.so.6')
}

/** Does nothing where the C library is another one; jemalloc in its place needs no telling. */
export function tameMalloc(): void {
  if (process.platform !== 'linux') return
  try {
    const mallopt = loadLibc().func('int mallopt(int, int)')
    for (const { parameter, value } of [mmapThreshold, trimThreshold, arenaMax])
      mallopt(parameter, value)
  } catch {
    // musl, or a system without koffi's binary: more memory is kept than need be, nothing else
  }
}
