// How much garbage there may be before V8 looks through its whole heap. Uploads and crops come and go by the
// megabyte outside that heap, V8 counts them as if they were in it, and its own reckoning
// (https://v8.dev/blog/heap-controller) then allows little beyond what lives: the service's heap, which hardly
// changes, was looked through several times a second, on every core, to free what a few dozen requests left.
import { setFlagsFromString } from 'node:v8'

/** Of what lives, in percent: as much as V8 itself allows at most (its factor of 4). */
const growingPercent = 300

/** Holds for all threads of the process, from its next look on. */
export function allowHeapGrowth(): void {
  setFlagsFromString(`--heap-growing-percent=${growingPercent}`)
}
