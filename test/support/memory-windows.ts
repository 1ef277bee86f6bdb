// What a process holds more after many runs of a model, for workers of their own: inside a test, the
// test runner itself keeps a note of every promise.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/**
 * Resident bytes that each window of `runs` calls of `run` added, garbage collected before and after.
 * @param afterWindow is called after each window, outside what is measured
 */
export async function grownBytesOfWindows(
  windows: { readonly count: number; readonly runs: number },
  run: (index: number) => Promise<unknown>,
  afterWindow: () => void = () => undefined,
): Promise<number[]> {
  const grown: number[] = []
  for (let window = 0; window < windows.count; window++) {
    collectGarbage()
    const before = process.memoryUsage.rss()
    for (let index = 0; index < windows.runs; index++) await run(index)
    collectGarbage()
    grown.push(process.memoryUsage.rss() - before)
    afterWindow()
  }
  return grown
}
