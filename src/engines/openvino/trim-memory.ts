// Gives freed memory back to the system. Reading and compiling a model frees about what its weights
// take, and glibc keeps that for later use, which does not come: a session only runs from then on.

/** Does nothing where there is no glibc; other C libraries give memory back themselves. */
export async function trimMemory(): Promise<void> {
  if (process.platform !== 'linux') return
  try {
    const koffi = await import('koffi')
    koffi.load('libc.so.6').func('int malloc_trim(size_t)')(0)
  } catch {
    // musl, or another libc without the function.
  }
}
