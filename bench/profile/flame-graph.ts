// A flame graph as an SVG: width is time, callees stand on their callers.
import { type CpuProfile, type Frame, ownerOf, totalUs } from './cpu-profile.ts'

const width = 1200
const rowHeight = 16
const titleHeight = 28
/** Narrower boxes cannot be seen. */
const leastWidth = 0.6
/** Pixels of a letter of the font below. */
const letterWidth = 6.2
const maxDepth = 40

/** Merges frames of the same function under the same caller. */
function merge(frames: readonly Frame[]): Frame[] {
  const merged = new Map<string, Frame>()
  for (const frame of frames) {
    const key = `${frame.name} ${frame.url}`
    const same = merged.get(key)
    if (same === undefined) merged.set(key, { ...frame, children: [...frame.children] })
    else {
      same.selfUs += frame.selfUs
      same.children.push(...frame.children)
    }
  }
  return [...merged.values()].sort((a, b) => totalUs(b) - totalUs(a))
}

export function flameGraph(profile: CpuProfile, title: string): string {
  const boxes: string[] = []
  let depthSeen = 0
  const draw = (frames: readonly Frame[], left: number, depth: number) => {
    let x = left
    for (const frame of merge(frames)) {
      const boxWidth = (totalUs(frame) / profile.busyUs) * width
      if (boxWidth >= leastWidth && depth < maxDepth) {
        depthSeen = Math.max(depthSeen, depth)
        boxes.push(box(frame, { x, depth, width: boxWidth, busyUs: profile.busyUs }))
        draw(frame.children, x, depth + 1)
      }
      x += boxWidth
    }
  }
  draw(profile.root.children, 0, 0)
  const height = titleHeight + (depthSeen + 1) * rowHeight
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="monospace" font-size="10">
<rect width="${width}" height="${height}" fill="#ffffff"/>
<text x="8" y="18" font-size="13" font-family="sans-serif">${escapeXml(title)}</text>
${boxes.join('\n')}
</svg>
`
}

interface Place {
  readonly x: number
  readonly depth: number
  readonly width: number
  readonly busyUs: number
}

function box(frame: Frame, { x, depth, width: boxWidth, busyUs }: Place): string {
  const y = titleHeight + depth * rowHeight
  const share = ((totalUs(frame) / busyUs) * 100).toFixed(1)
  const label = frame.name.slice(0, Math.max(0, Math.floor(boxWidth / letterWidth) - 1))
  const text =
    label.length < 3
      ? ''
      : `<text x="${(x + 2).toFixed(1)}" y="${y + 11}">${escapeXml(label)}</text>`
  const hint = escapeXml(`${frame.name}, ${ownerOf(frame)}: ${share} %`)
  return `<g><title>${hint}</title><rect x="${x.toFixed(1)}" y="${y}" width="${boxWidth.toFixed(1)}" height="${rowHeight - 1}" fill="${colourOf(frame)}"/>${text}</g>`
}

/** Ours is warm, dependencies are blue, Node and V8 grey. */
function colourOf(frame: Frame): string {
  const owner = ownerOf(frame)
  if (owner.startsWith('src/')) return '#f4a259'
  return owner.startsWith('node ') || owner.startsWith('V8') || owner.startsWith('native')
    ? '#d0d4d8'
    : '#8cb8d8'
}

export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
