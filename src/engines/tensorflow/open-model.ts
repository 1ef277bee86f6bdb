// A SavedModel -> a session of TensorFlow, with its served tensors in types that the binding knows.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EndpointCasts, writeWithCasts } from '../../savedmodel/cast-endpoints.ts'
import { readServedSignature } from '../../savedmodel/signatures.ts'
import type { LoadRequest } from '../engine.ts'
import type { Binding } from './library.ts'
import { loadError } from './model-errors.ts'
import { chooseEndpoint, type Endpoint, type Wanted } from './signature.ts'

interface OpenModel {
  readonly endpoint: Endpoint
  /** TensorFlow's session, as the binding numbers it. */
  readonly sessionId: number
}

/**
 * What would be served, found without TensorFlow.
 * @throws ModelError where the model is not there, or takes and gives what the service does not
 */
export async function servedEndpoint(request: Wanted & Pick<LoadRequest, 'folder'>) {
  const { tags, signature } = await readServedSignature(request.folder)
  return { tags, endpoint: chooseEndpoint(signature, request) }
}

/** The served tensors, by the names that they have in the session that was opened. */
export async function openModel(binding: Binding, request: LoadRequest): Promise<OpenModel> {
  const { folder } = request
  const { tags, endpoint } = await servedEndpoint(request)
  const open = (from: string) => openSession(binding, request.model, { folder: from, tags })
  return hasOwnTypes(endpoint)
    ? { endpoint, sessionId: open(folder) }
    : await openWithCasts(endpoint, folder, open)
}

function openSession(
  binding: Binding,
  model: string,
  { folder, tags }: { readonly folder: string; readonly tags: readonly string[] },
): number {
  try {
    return binding.loadSavedModel(folder, tags.join())
  } catch (error) {
    throw loadError(model, error)
  }
}

/** Whether the binding makes and reads tensors of the types in the signature. */
function hasOwnTypes({ input, output }: Endpoint): boolean {
  return input.dtype === input.fed && output.dtype === 'float32'
}

/** What the graph has to do so that the binding's own types are enough. */
export function castsOf({ input, output }: Endpoint): EndpointCasts {
  return {
    input: { tensor: input.tensor, has: input.dtype, wanted: input.fed },
    output: { tensor: output.tensor, has: output.dtype, wanted: 'float32' },
  }
}

/** Opens a copy of the graph with casts at its ends; it is read once and then not needed. */
async function openWithCasts(
  endpoint: Endpoint,
  folder: string,
  open: (folder: string) => number,
): Promise<OpenModel> {
  const { input, output } = endpoint
  const parent = await mkdtemp(join(tmpdir(), 'resnet-serving-casts-'))
  try {
    const target = join(parent, '1')
    const names = await writeWithCasts(folder, target, castsOf(endpoint))
    const cast = {
      input: { ...input, tensor: names.input },
      output: { ...output, tensor: names.output },
    }
    return { endpoint: cast, sessionId: open(target) }
  } finally {
    await rm(parent, { recursive: true, force: true })
  }
}
