// TensorFlow greets on file descriptor 2 while its library loads, before it reads any setting that
// could stop it. For that moment the descriptor points to /dev/null.
import { closeSync, openSync } from 'node:fs'
import koffi from 'koffi'

const standardError = 2

/** Runs `load` (synchronously) with nothing reaching stderr; what it throws is thrown. */
export function withQuietStderr<Result>(load: () => Result): Result {
  const libc = koffi.load(null)
  const dup = libc.func('int dup(int)')
  const dup2 = libc.func('int dup2(int, int)')
  const kept: number = dup(standardError)
  // No stderr at all: then there is nothing to silence, nor to restore.
  if (kept < 0) return load()
  const nowhere = openSync('/dev/null', 'w')
  dup2(nowhere, standardError)
  try {
    return load()
  } finally {
    dup2(kept, standardError)
    closeSync(kept)
    closeSync(nowhere)
  }
}
