// `npm run conformance:resnet`: prints how far the networks that `models build` writes, run by our
// own engine, are from PyTorch's with the same weights.
import { publishedSpec } from '../src/resnet/network.ts'
import { compareWithTorch, withoutTorch } from '../test/support/reference-resnet.ts'
import { markdownTable } from './support/statistics.ts'

/** What the logits may differ by, as a part of the largest. */
const allowed = 1e-3
const seed = 1

if (withoutTorch !== false) {
  process.stderr.write(`conformance:resnet ${withoutTorch}\n`)
  process.exit(1)
}

const rows: string[][] = []
for (const network of ['resnet34', 'resnet50'] as const) {
  for (const variant of ['after-addition', 'before-addition'] as const) {
    const found = await compareWithTorch({ ...publishedSpec(network), variant }, seed)
    const passes = found.relative <= allowed && found.sameTop === found.images
    if (!passes) process.exitCode = 1
    rows.push([
      network,
      variant,
      found.relative.toExponential(1),
      found.largestLogit.toFixed(2),
      `${found.sameTop} of ${found.images}`,
      passes ? 'yes' : 'NO',
    ])
  }
}
const head = ['network', 'ReLU', 'largest difference, relative', 'largest logit', 'same top 1']
process.stdout.write(`${markdownTable([[...head, `within ${allowed}`], ...rows])}\n`)
