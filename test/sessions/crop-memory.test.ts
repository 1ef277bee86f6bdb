// The memory that a session process gets its crops through, and what happens where there is none.
import assert from 'node:assert/strict'
import { existsSync, openSync, readSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import {
  type CropMemory,
  createCropMemory,
  openCropMemory,
  openCropMemoryIn,
} from '../../src/sessions/crop-memory.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { assertScores, type Bench, openPool } from '../support/test-pool.ts'
import { tinyCrop } from '../support/tiny-model.ts'

describe('crop memory', () => {
  test('holds the crops of the last batch one after the other, under no name', async (t) => {
    const folder = await tempFolder(t)
    const memory = openCropMemoryIn(folder)
    assert.ok(memory !== undefined)
    t.after(() => memory.close())
    assert.deepEqual(await readdir(folder), [])
    assert.equal(memory.write([Uint8Array.of(9, 9), Uint8Array.of(9, 9)]), true)
    assert.equal(memory.write([Uint8Array.of(1, 2), Uint8Array.of(3)]), true)
    const found = new Uint8Array(3)
    readSync(memory.descriptor, found, 0, 3, 0)
    assert.deepEqual(found, Uint8Array.of(1, 2, 3))
  })

  test('does not take a batch that would keep the thread for long', async (t) => {
    const memory = openCropMemoryIn(await tempFolder(t))
    assert.ok(memory !== undefined)
    t.after(() => memory.close())
    const half = new Uint8Array(4 * 2 ** 20)
    assert.equal(memory.write([half, half]), true)
    assert.equal(memory.write([half, half, Uint8Array.of(1)]), false)
    assert.equal(memory.write([half]), true)
  })

  test('is not there without a folder', async (t) => {
    assert.equal(openCropMemoryIn(join(await tempFolder(t), 'none')), undefined)
  })
})

async function answersRightly({ run }: Bench, seeds: number[]) {
  await assertScores(await run(seeds.map(tinyCrop)), seeds)
}

/** Counts the batches that go through it. */
function counted(memory: CropMemory | undefined, written: boolean[]): CropMemory | undefined {
  if (memory === undefined) return undefined
  return {
    ...memory,
    write(crops) {
      const isThere = memory.write(crops)
      written.push(isThere)
      return isThere
    },
  }
}

const noFullDevice = existsSync('/dev/full') ? false : 'needs /dev/full'
const noSharedMemory = existsSync('/dev/shm') ? false : 'needs /dev/shm'

describe('a session', () => {
  test('gets batch after batch through its memory', { skip: noSharedMemory }, async (t) => {
    const written: boolean[] = []
    const pool = await openPool(t, 1, {
      openCropMemory: () => counted(openCropMemory(), written),
    })
    await answersRightly(pool, [1, 2, 3])
    await answersRightly(pool, [4])
    await answersRightly(pool, [5, 6])
    assert.deepEqual(written, [true, true, true])
  })

  test('gets them through the pipe where it has no memory', async (t) => {
    await answersRightly(await openPool(t, 1, { openCropMemory: () => undefined }), [1, 2, 3])
  })

  test('gets them through the pipe where the memory is full', { skip: noFullDevice }, async (t) => {
    const written: boolean[] = []
    const pool = await openPool(t, 1, {
      openCropMemory: () => counted(createCropMemory(openSync('/dev/full', 'r+')), written),
    })
    await answersRightly(pool, [1, 2, 3])
    await answersRightly(pool, [4])
    assert.deepEqual(written, [false, false])
  })
})
