// Reads a SavedModel into OpenVINO: by OpenVINO's own TensorFlow front end.
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { ModelError } from '../../errors.ts'
import type { LoadRequest } from '../engine.ts'
import type { Pointer } from './c-api.ts'
import type { Workplace } from './compile-model.ts'

interface ReadModel {
  readonly model: Pointer
  /** How it was read, where not the usual way. */
  readonly note?: string
}

/** @throws ModelError when it is not there; Error with OpenVINO's words when it cannot be read */
export async function readModel(
  { library, core, handles }: Workplace,
  { model, folder }: LoadRequest,
): Promise<ReadModel> {
  await access(join(folder, 'saved_model.pb')).catch((error) => {
    throw new ModelError('missing', `model ${model}: there is no saved_model.pb in ${folder}`, {
      cause: error,
    })
  })
  const read = handles.own('ov_model_free', 'reading the SavedModel', (out) =>
    library.c.ov_core_read_model(core, folder, null, out),
  )
  return { model: read }
}
