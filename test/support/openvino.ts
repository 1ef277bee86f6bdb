// Whether tests of the openvino engine can run here, and models loaded by it that close themselves.
import type { TestContext } from 'node:test'
import type { LoadedModel, LoadRequest } from '../../src/engines/engine.ts'
import { openvinoEngine } from '../../src/engines/openvino/openvino-engine.ts'
import { sessionRequest } from './session-request.ts'

const found = await openvinoEngine.probe()

/** The reason to skip, or false where OpenVINO is there. */
export const openvinoMissing = found.available
  ? false
  : `needs OpenVINO, run npm run setup:openvino (${found.reason})`

export async function loadWithOpenvino(
  t: TestContext,
  request: Partial<LoadRequest>,
): Promise<LoadedModel> {
  const model = await openvinoEngine.load(sessionRequest({ precision: 'fp32', ...request }))
  t.after(() => model.close())
  return model
}
