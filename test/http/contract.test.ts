// openapi.yaml is the source of the routes: it is valid, and neither it nor the server has a route
// that the other lacks.
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import type { FastifyInstance } from 'fastify'
import { problemKinds } from '../../src/http/problem.ts'
import { contract } from '../support/contract-check.ts'
import { startService } from '../support/service.ts'

const text = readFileSync(new URL('../../../openapi.yaml', import.meta.url), 'utf8')

/** Files of the documentation's and the web page's own, which are no API. */
const assets = /^\/(docs|page)\//

/** `METHOD /path` of each route that the server registers for itself. */
async function registeredRoutes(): Promise<Set<string>> {
  const routes = new Set<string>()
  const listen = (message: unknown) => {
    const { fastify } = message as { fastify: FastifyInstance }
    fastify.addHook('onRoute', ({ method, url, config }) => {
      if (config?.isMethodFence || !url.startsWith('/') || assets.test(`${url}/`)) return
      for (const name of [method].flat()) {
        if (name !== 'HEAD') routes.add(`${name} ${url.replace(/:(\w+)/g, '{$1}')}`)
      }
    })
  }
  subscribe('fastify.initialization', listen)
  const service = await startService({ models: [] }).finally(() =>
    unsubscribe('fastify.initialization', listen),
  )
  await service.close()
  return routes
}

function describedRoutes(): Set<string> {
  const routes = Object.entries(contract.paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  )
  return new Set(routes.filter((route) => !assets.test(`${route.split(' ')[1]}/`)))
}

test('openapi.yaml is valid OpenAPI 3.1', async () => {
  const { valid, errors } = await new Validator().validate(text)
  assert.ok(valid, JSON.stringify(errors, null, 2))
})

test('the server has no route that openapi.yaml lacks, and the other way round', async () => {
  const registered = await registeredRoutes()
  const described = describedRoutes()
  assert.ok(registered.size > 8, [...registered].join())
  const missing = [...registered].filter((route) => !described.has(route))
  assert.deepEqual(missing, [], 'routes that openapi.yaml lacks')
  const promised = [...described].filter((route) => !registered.has(route))
  assert.deepEqual(promised, [], 'routes that the server lacks')
})

test('every operation has an id of its own and lists how it can fail', () => {
  const operations = Object.values(contract.paths).flatMap((item) => Object.values(item))
  const ids = operations.map(({ operationId }) => operationId)
  assert.equal(new Set(ids).size, ids.length)
  for (const { operationId, responses } of operations) {
    assert.ok(Object.keys(responses).length > 0, operationId)
  }
})

test('the codes of openapi.yaml are those that the server can answer', () => {
  const { components } = contract as unknown as {
    components: { schemas: { Problem: { properties: { code: { enum: string[] } } } } }
  }
  const described = components.schemas.Problem.properties.code.enum
  assert.deepEqual([...described].sort(), Object.keys(problemKinds).sort())
})

test('the table of statuses is the one that the contract fixes', () => {
  const byStatus = Object.entries(problemKinds).map(([code, { status }]) => [code, status])
  assert.deepEqual(Object.fromEntries(byStatus), {
    ...{ bad_request: 400, image_missing: 400, bad_parameter: 400, unauthorized: 401 },
    ...{ model_not_found: 404, version_not_found: 404, route_not_found: 404 },
    ...{ method_not_allowed: 405, upload_too_slow: 408, body_too_large: 413, image_too_large: 413 },
    ...{ unsupported_image_format: 415, image_undecodable: 422, image_refused: 422 },
    ...{ overloaded: 429, rate_limited: 429, headers_too_large: 431, client_gone: 499 },
    ...{ internal: 500, not_ready: 503, draining: 503, session_failed: 503 },
    deadline_exceeded: 504,
  })
})
