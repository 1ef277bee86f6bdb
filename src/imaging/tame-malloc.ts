// Tells glibc's malloc to give large memory back. Left alone it raises the size from which memory is
// mapped by itself to 32 MB once such a piece was freed, and then keeps the holes that decoded
// images leave: 100 MiB and more after some large ones.
// https://man7.org/linux/man-pages/man3/mallopt.3.html
import { createRequire } from 'node:module'

const mmapThreshold = { parameter: -3, value: 1024 * 1024 }
const trimThreshold = { parameter: -1, value: 1024 * 1024 }
/** Each thread would otherwise get heaps of its own, up to eight a core. */
const arenaMax = { parameter: -8, value: 2 }

/** Does nothing where the C library is another one; jemalloc in its place needs no telling. */
export function tameMalloc(): void {
  if (process.platform !== 'linux') return
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
    const mallopt = koffi.load('libc.so.6').func('int mallopt(int, int)')
    for (const { parameter, value } of [mmapThreshold, trimThreshold, arenaMax])
      mallopt(parameter, value)
  } catch {
    // musl, or a system without koffi's binary: more memory is kept than need be, nothing else
  }
}
