// `models convert --to onnx`: writes the graph that the onnxruntime engine runs.
import { writeFile } from 'node:fs/promises'
import { Command, Option } from 'commander'
import { readServed } from '../../engines/onnxruntime/converted-model.ts'
import { encodeModel } from '../../onnx/encode.ts'
import { inOneLine } from '../one-line.ts'
import { convertFound } from './convert-model.ts'
import { findModel, requestFor } from './find-model.ts'
import { type PixelForm, pixelsOption, withPixels } from './pixel-forms.ts'

interface Options {
  readonly file?: string
  readonly pixels?: PixelForm
  readonly output?: string
}

export function modelsConvertCommand(): Command {
  return new Command('convert')
    .description('write a model as ONNX: uint8 pixels [batch, height, width, 3] in, scores out')
    .argument('<model>', 'a name in the repository, name/version, or the folder of a SavedModel')
    .addOption(new Option('--to <format>', 'the format').choices(['onnx']).default('onnx'))
    .option('--file <path>', 'where to write (default: <model>.onnx)')
    .addOption(pixelsOption())
    .option('--output <folder>', 'the model repository (default: MODEL_REPOSITORY)')
    .action(
      inOneLine(async (model: string, { file, pixels, output }: Options) => {
        const found = withPixels(await findModel(model, output), pixels)
        const served = requestFor(found, 1)
        const { onnx, report } = convertFound(await readServed(served), served)
        const path = file ?? `${found.name}.onnx`
        const bytes = encodeModel(onnx)
        await writeFile(path, bytes)
        process.stdout.write(
          `${path}: ${bytes.length} bytes, ${report.nodes} nodes, ${report.transposes} transposes beside the input's\n`,
        )
      }),
    )
}
