// TensorFlow Serving's REST API: status, metadata, predict and classify.
// https://www.tensorflow.org/tfx/serving/api_rest
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ModelState, Target } from '../../classification/types.ts'
import { ServiceError } from '../../errors.ts'
import { readCodedBody, sendCoded } from '../coded-body.ts'
import type { Edge } from '../edge.ts'
import { HttpError } from '../failure.ts'
import { addOperation } from '../operation.ts'
import { inTurns } from '../turns.ts'
import { admitCall, bodyOptions, callOf, scoreAll } from './call.ts'
import { type ErrorShape, pathOf, pathText } from './error-shape.ts'
import { maxJsonTensorBytes } from './limits.ts'
import { imageInputOf } from './tensor-values.ts'
import { classifyAnswer, predictAnswer } from './tensorflow-serving-answer.ts'

export function addTensorflowServing(app: FastifyInstance, edge: Edge): void {
  const { contract, classifier } = edge
  for (const suffix of ['', 'Version', 'Label']) {
    addOperation(app, contract, `tfsStatus${suffix}`).as(() => ({
      handler: async (request) => modelStatus(classifier.models(), targetOf(request)),
    }))
    addOperation(app, contract, `tfsMetadata${suffix}`).as(() => ({
      handler: async (request) => modelMetadata(classifier.state(targetOf(request))),
    }))
    addOperation(app, contract, `tfsCall${suffix}`).as(() => ({
      onRequest: admitCall(edge, targetOf, maxJsonTensorBytes),
      handler: (request, reply) => answerCall(edge, request, reply),
    }))
  }
}

/** The last name of the path may end in a verb: `resnet50:predict`, `versions/1:predict`. */
function splitCall(request: FastifyRequest) {
  const last = ['version', 'label', 'model'].find((name) => pathText(request, name) !== undefined)
  const text = (last && pathText(request, last)) ?? ''
  const [, name = text, verb] = /^(.*):([^:]*)$/.exec(text) ?? []
  return { last, name, verb: verb?.toLowerCase() }
}

function targetOf(request: FastifyRequest): Target {
  const { last, name, verb } = splitCall(request)
  const { method } = request
  const isVerb = /^(predict|classify|regress)$/.test(verb ?? '')
  if (method === 'POST' ? !isVerb : verb !== undefined) {
    const path = pathOf(request).slice(0, 100)
    throw new HttpError('bad_request', `Malformed request: ${method} ${path}`)
  }
  const model = last === 'model' ? name : pathText(request, 'model')
  if (last !== 'version') return { model, version: last === 'label' ? name : undefined }
  if (!/^\d{1,15}$/.test(name)) {
    throw new HttpError('bad_request', `Malformed request: the version is ${name.slice(0, 40)}`)
  }
  // ovmsclient asks for version 0 and means the default.
  return { model, version: Number(name) === 0 ? undefined : name }
}

async function answerCall(edge: Edge, request: FastifyRequest, reply: FastifyReply) {
  const { verb } = splitCall(request)
  const call = callOf(request)
  if (verb === 'regress') {
    throw new HttpError('bad_request', 'the model is a classifier; use predict or classify')
  }
  const body = await readCodedBody(request, bodyOptions(call, maxJsonTensorBytes))
  const state = edge.classifier.state(call.target)
  const { maxImageBytes } = edge.limits
  const given = { json: body, binary: body.subarray(body.length), state, maxImageBytes }
  const answer = async () => {
    if (verb === 'classify') {
      const { images } = await edge.tensors.read('classify', given, call.signal)
      return classifyAnswer(await scoreAll(edge, { request, call }, images))
    }
    const { form, images } = await edge.tensors.read('predict', given, call.signal)
    return predictAnswer(await scoreAll(edge, { request, call }, images), form)
  }
  const parts = await inTurns(await answer(), call)
  reply.type('application/json')
  return await sendCoded(request, reply, parts)
}

const states: Readonly<Record<ModelState['state'], string>> = {
  loading: 'LOADING',
  ready: 'AVAILABLE',
  unloading: 'UNLOADING',
  failed: 'END',
}

function modelStatus(models: readonly ModelState[], { model, version }: Target) {
  const isWanted = (each: ModelState) =>
    version === undefined || each.version === version || each.labels.includes(version)
  const found = models.filter((each) => each.model === model && isWanted(each))
  if (found.length === 0) {
    throw new ServiceError('model_not_found', `no version of ${model?.slice(0, 100)} is known`)
  }
  return {
    model_version_status: found.map((each) => ({
      version: each.version,
      state: states[each.state],
      status:
        each.state === 'failed'
          ? { error_code: 'UNKNOWN', error_message: 'it cannot be served; the log knows why' }
          : { error_code: 'OK', error_message: '' },
    })),
  }
}

/**
 * The names as TensorFlow Serving writes them, and beside them as OpenVINO Model Server does, whose
 * client reads only those.
 */
function modelMetadata(state: ModelState) {
  const { model, version, output } = state
  const { name, dtype, height, width } = imageInputOf(state)
  const input = {
    dtype: dtype === 'uint8' ? 'DT_UINT8' : 'DT_FLOAT',
    sizes: [-1, height, width, 3],
  }
  const scores = { dtype: 'DT_FLOAT', sizes: [-1, output?.classes ?? -1] }
  const signature = (describe: typeof tensorInfo | typeof tensorInfoInCamelCase) => ({
    serving_default: {
      inputs: { [name]: describe(input) },
      outputs: { [output?.name ?? '']: describe(scores) },
      method_name: 'tensorflow/serving/predict',
    },
  })
  return {
    model_spec: { name: model, signature_name: '', version },
    modelSpec: { name: model, signatureName: '', version },
    metadata: {
      signature_def: {
        signature_def: signature(tensorInfo),
        signatureDef: signature(tensorInfoInCamelCase),
      },
    },
  }
}

interface TensorKind {
  readonly dtype: string
  /** -1 is any. */
  readonly sizes: readonly number[]
}

function tensorInfo({ dtype, sizes }: TensorKind) {
  return { dtype, tensor_shape: { dim: dimensions(sizes), unknown_rank: false }, name: '' }
}

function tensorInfoInCamelCase({ dtype, sizes }: TensorKind) {
  return { dtype, tensorShape: { dim: dimensions(sizes), unknownRank: false }, name: '' }
}

function dimensions(sizes: readonly number[]) {
  return sizes.map((size) => ({ size: String(size), name: '' }))
}

export const tensorflowServingErrors: ErrorShape = {
  matches(request) {
    const { url = '' } = request.routeOptions
    if (url === '/v1/models/:model/labels') return false // the native list of labels
    if (url.startsWith('/v1/models/:model')) return true
    return /^\/v1\/models\/.*(:|\/versions\/|\/metadata)/.test(pathOf(request))
  },
  bodyOf({ code, detail }, request) {
    if (code !== 'model_not_found' && code !== 'version_not_found') return { error: detail }
    const { last, name } = splitCall(request)
    const model = last === 'model' ? name : pathText(request, 'model')
    const what = last === 'model' ? `Latest(${model})` : `Specific(${model}, ${name})`
    return { error: `Servable not found for request: ${what}` }
  },
}
