// V8's .cpuprofile (Chrome DevTools Protocol, Profiler.Profile) as a tree of self times.
// https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile
import { readFile } from 'node:fs/promises'

export interface Frame {
  readonly name: string
  readonly url: string
  /** Microseconds in the function itself. */
  selfUs: number
  readonly children: Frame[]
}

export interface CpuProfile {
  readonly root: Frame
  /** Microseconds in which the thread did something. */
  readonly busyUs: number
  /** Rows of a table: what, share of the busy time, its part of `perRequest`. */
  costs(perRequest: number): string[][]
}

interface ProfileFile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string }
    readonly children?: readonly number[]
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** V8's names of what is no work. */
const idle = new Set(['(idle)', '(root)'])

export async function readProfile(path: string): Promise<CpuProfile> {
  const file: ProfileFile = JSON.parse(await readFile(path, 'utf8'))
  const frames = new Map<number, Frame>(
    file.nodes.map(({ id, callFrame: { functionName, url } }) => [
      id,
      { name: functionName || '(anonymous)', url, selfUs: 0, children: [] },
    ]),
  )
  const at = (id: number) => frames.get(id) as Frame
  for (const { id, children = [] } of file.nodes) at(id).children.push(...children.map(at))
  file.samples.forEach((id, index) => {
    at(id).selfUs += file.timeDeltas[index] ?? 0
  })
  const root = at(file.nodes[0]?.id ?? 0)
  root.children.splice(
    0,
    root.children.length,
    ...root.children.filter(({ name }) => !idle.has(name)),
  )
  const busyUs = totalUs(root) - root.selfUs
  return { root, busyUs, costs: (perRequest) => costsOf(root, busyUs, perRequest) }
}

export function totalUs(frame: Frame): number {
  return frame.children.reduce((sum, child) => sum + totalUs(child), frame.selfUs)
}

/** Whose code a frame is, from the most telling part of its address. */
export function ownerOf({ name, url }: Frame): string {
  if (name.startsWith('(') && name !== '(anonymous)')
    return name === '(program)' ? 'native code: sockets, kernel' : `V8 ${name}`
  const own = /\/dist\/src\/([\w-]+)/.exec(url)?.[1]
  if (own !== undefined) return `src/${own}`
  const [, dependency] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? []
  if (dependency !== undefined) return dependency
  if (url === '') return 'native functions: writev, copying, JSON'
  return url.startsWith('node:') ? `node ${url.slice(5).split('/').slice(0, 3).join('/')}` : 'bench'
}

/** Smaller owners are one line together. */
const leastShare = 0.01

function costsOf(root: Frame, busyUs: number, perRequest: number): string[][] {
  const byOwner = new Map<string, number>()
  const add = (frame: Frame) => {
    byOwner.set(ownerOf(frame), (byOwner.get(ownerOf(frame)) ?? 0) + frame.selfUs)
    for (const child of frame.children) add(child)
  }
  for (const child of root.children) add(child)
  const rows = [...byOwner].sort(([, a], [, b]) => b - a)
  const large = rows.filter(([, us]) => us / busyUs >= leastShare)
  const rest = rows.slice(large.length).reduce((sum, [, us]) => sum + us, 0)
  return [...large, ['all others', rest] as const].map(([owner, us]) => [
    owner,
    `${((us / busyUs) * 100).toFixed(1)} %`,
    ((us / busyUs) * perRequest).toFixed(1),
  ])
}
