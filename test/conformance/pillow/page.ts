// What a run found: the tables for the terminal, and docs/preprocessing.md.
import { machine } from '../../../bench/support/machine.ts'
import { markdownTable } from '../../../bench/support/statistics.ts'
import type { CropRecipe } from '../../../src/imaging/imaging.ts'
import type { Compared, Difference } from './compare.ts'
import { describeTimes, type Times } from './times.ts'

/** Of the mean absolute differences of all crops, of 255. */
const allowedMean = 0.3
/** Of one crop's. */
const allowedMeanOfOne = 1

interface Crop extends Difference {
  readonly recipe: CropRecipe
}

export interface Verdict {
  readonly passes: boolean
  readonly summary: string
  readonly groups: string
  readonly files: string
  readonly recipes: string
}

export function judge(compared: readonly Compared[]): Verdict {
  const crops = compared.flatMap(cropsOf)
  const mean = meanOf(crops)
  const refused = compared.filter(({ refusal }) => refusal !== undefined)
  const tooFar = crops.filter((crop) => crop.mean > allowedMeanOfOne)
  const same = crops.filter(({ largest }) => largest === 0).length
  const passes = mean <= allowedMean && tooFar.length === 0 && refused.length === 0
  return {
    passes,
    summary: [
      `${compared.length} files, ${crops.length} crops: ${same} equal Pillow's in every bit.`,
      `Mean absolute difference of all crops ${mean.toFixed(4)} of 255 (at most ${allowedMean} allowed);`,
      `the furthest crop's ${Math.max(...crops.map((crop) => crop.mean)).toFixed(3)} (at most ${allowedMeanOfOne}).`,
      ...refused.map(({ group, what, refusal }) => `Refused: ${group}, ${what}: ${refusal}.`),
      ...(passes ? [] : ['Out of bounds.']),
    ].join('\n'),
    groups: groupTable(compared),
    files: fileTable(compared),
    recipes: recipeTable(compared),
  }
}

function cropsOf({ recipes, differences }: Compared): Crop[] {
  return differences.map((difference, i) => ({ ...difference, recipe: recipes[i] as CropRecipe }))
}

function meanOf(crops: readonly Difference[]): number {
  return crops.reduce((sum, crop) => sum + crop.mean, 0) / crops.length
}

function groupTable(compared: readonly Compared[]): string {
  const groups = [...new Set(compared.map(({ group }) => group))]
  const rows = groups.map((group) => {
    const files = compared.filter((file) => file.group === group)
    const crops = files.flatMap(cropsOf)
    const same = crops.filter(({ largest }) => largest === 0).length
    const largest = Math.max(...crops.map((crop) => crop.largest))
    const furthest = Math.max(...crops.map((crop) => crop.mean))
    const counts = [`${files.length}`, `${crops.length}`, `${same}`]
    return [group, ...counts, meanOf(crops).toFixed(3), furthest.toFixed(3), `${largest}`]
  })
  const head = ['group', 'files', 'crops', 'equal in every bit', 'mean', 'furthest crop', 'largest']
  return markdownTable([head, ...rows])
}

/** Short side 256, crop 224: what the shipped networks want. */
function isUsual({ resizeShortSide, cropSize, width, height }: CropRecipe): boolean {
  return resizeShortSide === 256 && cropSize === 224 && width === 224 && height === 224
}

function fileTable(compared: readonly Compared[]): string {
  const cells = (file: Compared, interpolation: CropRecipe['interpolation']) => {
    const crop = cropsOf(file).find(
      ({ recipe }) => isUsual(recipe) && recipe.interpolation === interpolation,
    )
    return crop === undefined ? ['', ''] : [crop.mean.toFixed(3), `${crop.largest}`]
  }
  const rows = compared
    .filter(({ group }) => group !== 'recipes')
    .map((file) => [
      `${file.group}: ${file.what}`,
      `${file.width} x ${file.height}`,
      file.mode,
      ...cells(file, 'bilinear'),
      ...cells(file, 'bicubic'),
    ])
  const head = ['file', 'upright size', "Pillow's mode"]
  const found = ['bilinear: mean', 'largest', 'bicubic: mean', 'largest']
  return markdownTable([[...head, ...found], ...rows])
}

function recipeTable(compared: readonly Compared[]): string {
  const rows = compared.flatMap((file) =>
    cropsOf(file)
      .filter(({ recipe }) => file.group === 'recipes' || !isUsual(recipe))
      .map((crop) => [
        file.group === 'recipes' ? file.what : `${file.group}: ${file.what}`,
        describeRecipe(crop.recipe, file),
        crop.mean.toFixed(3),
        `${crop.largest}`,
      ]),
  )
  return markdownTable([['file', 'crop', 'mean', 'largest'], ...rows])
}

function describeRecipe(recipe: CropRecipe, file: Compared): string {
  const { resizeShortSide, cropSize, interpolation, width, height } = recipe
  const whole = file.width === cropSize && file.height === cropSize
  const first =
    resizeShortSide === null
      ? `${whole ? 'nothing resized' : 'stretched to'} ${cropSize}`
      : `short side ${resizeShortSide}, crop ${cropSize}`
  const then = width === cropSize && height === cropSize ? '' : `, then ${width} x ${height}`
  return `${first}${then}, ${interpolation}`
}

function choices(): string {
  return markdownTable([
    ['what', 'what the service does'],
    ['transparent pixels', 'stand on white, as `Image.paste` with a mask leaves them'],
    [
      '16 bits a channel, grey',
      "the high byte counts. Pillow opens it as `I;16`, whose `convert('RGB')` clips at 255: nearly every picture turns white",
    ],
    ['16 bits a channel, colour', 'the high byte counts, in Pillow too'],
    ["colour profiles, PNG's gamma", 'ignored, as Pillow ignores them'],
    ['CMYK', "Pillow's formula, without an ink profile"],
    [
      'orientation',
      'applied, as by `ImageOps.exif_transpose`: from EXIF, else from XMP; values that do not exist are ignored',
    ],
    ['animations', 'the first picture'],
    [
      'GIF whose picture is smaller than its screen',
      "white around it, as browsers leave the page's ground; Pillow fills in the background colour of the file",
    ],
    [
      "order of the resize's passes",
      "Pillow 13's: down first where the height loses more than twice what the width loses. Before, Pillow always went across first; for such pictures (long screenshots) the two differ by about 0.2 of 255",
    ],
  ])
}

export interface Page {
  readonly versions: Readonly<Record<string, string>>
  readonly verdict: Verdict
  readonly times: readonly Times[]
}

export function page({ versions, verdict, times }: Page): string {
  const software = Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ')
  return `# Preprocessing: the pixels that Pillow gives

<!-- Written by \`npm run conformance:pillow -- --doc\`: change test/conformance/pillow/ and run it again. -->

A network answers best for pixels that were made as in its training, and most were trained with Pillow and torchvision. The
service makes the same pixels: the same decoders, Pillow's own arithmetic for the resize, torchvision's for the crop.

\`\`\`bash
npm run conformance:pillow
\`\`\`

The command makes files of every form that people send in a temporary folder, crops each with Pillow and with
\`src/imaging\`, and fails where the mean absolute difference of all crops is over ${allowedMean} of 255 or one crop's is over ${allowedMeanOfOne}. It
needs Python with Pillow and numpy in \`.venv-tensorflow\`, or \`PYTHON\` set to one that has them.

Last written with ${software};
${machine()}.

## What was found

${verdict.summary}

${verdict.groups}

"mean" is the mean absolute difference from Pillow's crop, "furthest crop" the largest mean of one crop, "largest" the largest
difference of one value; all of 255. The group "photographs" is there only where the photographs of \`../shared/images\` are.

- **The resize.** PNG, lossless WebP, GIF and TIFF decode to the same pixels everywhere, so their rows show the resize alone.
- **The decoders.** The rows "nothing resized" of the second table show the decoder of JPEG alone. Pillow's wheel brings
  libjpeg-turbo, sharp brings mozjpeg, which descends from it.
- **AVIF** (off unless \`IMAGE_FORMATS\` names it) is where decoders differ: Pillow has libavif, sharp has libheif. Its row 4:4:4
  shows the rounding of YUV to RGB, its row 4:2:0 how the halved colour is enlarged as well. No setting of sharp changes that.

## Where Pillow leaves a choice

${choices()}

## What it costs

Measured on a shared machine, turn and turn about in one run: trust the ratios, not the milliseconds. Short side 256, crop 224,
bilinear, from bytes to pixels, one thread.

${describeTimes(times)}

"sharp's quickest" lets libjpeg decode at a half, a quarter or an eighth and libvips interpolate the rest (\`kernel: 'linear'\`). Its
last two columns say how far its crop lies from the exact one.

## Every file

Short side 256, crop 224.

${verdict.files}

## Other crops

${verdict.recipes}
`
}
