// What an error answer must be: problem+json with this status and code, and the shape of openapi.yaml.
import assert from 'node:assert/strict'
import type { Response } from 'supertest'
import { assertContract } from './contract-check.ts'

/** @param detail what the words for the client must say */
export function assertProblem(
  response: Response,
  [status, code]: readonly [number, string],
  detail: RegExp = /./,
): void {
  assert.deepEqual([response.status, response.body.code], [status, code], response.text)
  assert.match(response.headers['content-type'] ?? '', /^application\/problem\+json/)
  assert.match(response.body.detail, detail)
  assert.equal(response.body.status, status)
  assert.equal(response.body.requestId, response.headers['x-request-id'])
  assertContract(response)
}
