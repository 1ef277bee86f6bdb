// `models inspect`: what a model is, and what the service will do with it.
import { Command } from 'commander'
import { readServed } from '../../engines/onnxruntime/converted-model.ts'
import { servedEndpoint } from '../../engines/tensorflow/open-model.ts'
import { ModelError, messageOf } from '../../errors.ts'
import type { Shape } from '../../graph/graph.ts'
import {
  checkWeights,
  countOperators,
  countParameters,
  graphFileBytes,
} from '../../savedmodel/describe.ts'
import { readSignatures } from '../../savedmodel/signatures.ts'
import { inOneLine } from '../one-line.ts'
import { convertFound } from './convert-model.ts'
import { type FoundModel, findModel, requestFor } from './find-model.ts'

export function modelsInspectCommand(): Command {
  return new Command('inspect')
    .description(
      'show signatures, operators, parameters, and what the service will do with a model',
    )
    .argument('<model>', 'a name in the repository, name/version, or the folder of a SavedModel')
    .option('--output <folder>', 'the model repository (default: MODEL_REPOSITORY)')
    .option('--json', 'as JSON', false)
    .action(
      inOneLine(async (model: string, { output, json }: { output?: string; json: boolean }) => {
        const found = await findModel(model, output)
        const facts = await inspect(found)
        process.stdout.write(json ? `${JSON.stringify(facts, null, 2)}\n` : describe(facts))
      }),
    )
}

async function inspect(found: FoundModel) {
  const { folder, name, manifest } = found
  const { tensorflowVersion, signatures } = await readSignatures(folder)
  const graph = await readServed(requestFor(found, 1)).catch(asRefusal)
  const weights = await checkWeights(folder)
  return {
    model: name,
    folder,
    tensorflowVersion,
    sizeBytes: (await graphFileBytes(folder)) + (weights?.sizeBytes ?? 0),
    parameters: 'refused' in graph ? null : countParameters(graph),
    signatures,
    operators: 'refused' in graph ? [] : countOperators(graph),
    serving: await servingOf(found, graph),
    preprocess: manifest.preprocess,
  }
}

type Facts = Awaited<ReturnType<typeof inspect>>

interface Refused {
  readonly refused: string
}

/** A graph that the service's own reader cannot hold still has signatures to show. */
function asRefusal(error: unknown): Refused {
  if (error instanceof ModelError && error.kind === 'unsupported') return { refused: error.message }
  throw error
}

type Served = Awaited<ReturnType<typeof readServed>>

/** What is served, or in one sentence why the service's own converter cannot, and who can. */
async function servingOf(found: FoundModel, graph: Served | Refused) {
  const request = requestFor(found, 1)
  try {
    if ('refused' in graph) throw new ModelError('unsupported', graph.refused)
    const { input, output, report } = convertFound(graph, request)
    const { nodes, transposes } = report
    return { input, output, converted: { nodes, transposes } }
  } catch (error) {
    const elsewhere = await servedEndpoint(request).then(
      () => 'the tensorflow engine (`npm run setup:tensorflow`) takes any operator',
      (obstacle) => `no engine can serve it: ${messageOf(obstacle)}`,
    )
    return { refused: messageOf(error), elsewhere }
  }
}

function describe(facts: Facts): string {
  const { signatures, operators, serving } = facts
  const lines = [
    `${facts.model}  ${facts.folder}`,
    `written by TensorFlow ${facts.tensorflowVersion || '(not stated)'}, ${megabytes(facts.sizeBytes)}${parametersOf(facts)}`,
    '',
    ...signatures.flatMap(({ name, inputs, outputs }) => [
      `signature ${name}`,
      ...inputs.map((each) => `  in   ${describeTensor(each)}`),
      ...outputs.map((each) => `  out  ${describeTensor(each)}`),
    ]),
    '',
    ...(operators.length === 0
      ? []
      : [`operators  ${operators.map(({ op, count }) => `${op} ${count}`).join(', ')}`, '']),
    ...('refused' in serving
      ? [`not converted  ${serving.refused}`, `other engines  ${serving.elsewhere}`]
      : describeServing(facts, serving)),
  ]
  return `${lines.join('\n')}\n`
}

function parametersOf({ parameters }: Facts): string {
  return parameters === null ? '' : `, ${parameters.toLocaleString('en')} parameters`
}

function describeServing(
  { preprocess }: Facts,
  { input, output, converted }: Exclude<Facts['serving'], Refused>,
): string[] {
  const { rescale, mean, std, resizeShortSide, interpolation } = preprocess
  const crop = `${input.height}x${input.width}`
  const resize =
    resizeShortSide === undefined
      ? 'short side 256/224 of the crop'
      : `short side ${resizeShortSide}`
  const batch = input.batch === null ? 'any batch' : `${input.batch} image(s) at a time`
  return [
    `served input   "${input.name}": crops of ${crop}, ${resize}, ${interpolation}, ${batch}`,
    input.dtype === 'uint8'
      ? 'pixels         as they are, 0 to 255'
      : `pixels         (pixel * ${rescale} - [${mean}]) / [${std}]`,
    `served output  "${output.name}": ${output.classes} classes, ${output.kind ?? 'probabilities or logits, found out when it runs'}`,
    `as ONNX        ${converted.nodes} nodes, ${converted.transposes} transposes beside the input's`,
  ]
}

function describeTensor({ name, dtype, shape }: { name: string; dtype: string; shape: Shape }) {
  const sizes = shape?.map((size) => (size < 0 ? '?' : size)).join(', ')
  return `${name}  ${dtype} ${sizes === undefined ? 'of unknown rank' : `[${sizes}]`}`
}

function megabytes(sizeBytes: number): string {
  return `${(sizeBytes / 1e6).toFixed(1)} MB`
}
