import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { seeded, seedsOf } from './harness/random.ts'
import { hashOf, MIB, openWorld, ROUTE, type World } from './harness/world.ts'

const SIZE = 44 * MIB + 99
const PARTS = 6

let world: World
let hash: string
let target: string

beforeAll(async () => {
  world = await openWorld()
  const path = await world.file('large', 7, SIZE)
  hash = await hashOf(path)
  await world.device.ok(['put', path, '/'])
  await rm(path)
})
afterAll(() => world[Symbol.asyncDispose]())
beforeEach(async () => {
  target = await mkdtemp(join(world.folder, 'target-'))
})

/** Bytes of content that came from the server since `forget`. */
function fetched(): number {
  return world.proxy.passed.filter(ROUTE.object).reduce((sum, { received }) => sum + received, 0)
}

/** Ends a download with kill -9 when the n-th part is asked for. */
async function killedAt(nth: number, parameters: string[]): Promise<void> {
  const run = world.runUntilKilled(parameters)
  world.proxy.plan({ matches: ROUTE.object, nth, at: 'answered', act: run.kill })
  await run.ended
  world.proxy.plan(null)
}

const one = (to: string) => ['get', '--jobs', '1', '/large', to]

describe('kill -9 of the client during get', () => {
  it.each(seedsOf(800, 2))('leaves no half file, and the next get fetches the rest only (seed %d)', async (seed) => {
    await seeded(seed, async (random) => {
      const to = join(target, 'large')
      await writeFile(to, 'what was there before')
      const nth = 3 + random.below(PARTS - 2)
      await killedAt(nth, one(to))
      expect(await readFile(to, 'utf8')).toBe('what was there before')
      const others = (await readdir(target)).filter((name) => name !== 'large')
      expect(others).toEqual([expect.stringMatching(/^\.strongroom-[0-9a-f]{32}\.part$/)])
      world.proxy.forget()
      await world.device.ok(one(to))
      expect(await hashOf(to)).toBe(hash)
      // The n-th part was not written; the one before may not have been written down.
      expect(fetched()).toBeLessThan(SIZE - (nth - 3) * 8 * MIB + MIB)
      expect(await readdir(target)).toEqual(['large'])
    })
  })

  it('fetches again what was changed in the hidden file meanwhile', async () => {
    const to = join(target, 'large')
    await killedAt(5, one(to))
    const [name = ''] = await readdir(target)
    const bytes = await readFile(join(target, name))
    bytes[9 * MIB] = (bytes[9 * MIB] ?? 0) ^ 1
    await writeFile(join(target, name), bytes)
    await world.device.ok(one(to))
    expect(await hashOf(to)).toBe(hash)
    expect(await readdir(target)).toEqual(['large'])
  })

  it('begins anew when the file is another one by then', async () => {
    const to = join(target, 'large')
    const old = await world.file('moving', 8, 20 * MIB)
    await world.device.ok(['put', old, '/'])
    await killedAt(3, ['get', '--jobs', '1', '/moving', to])
    const changed = await world.file('moving', 9, 17 * MIB)
    await world.device.ok(['put', changed, '/'])
    await world.device.ok(['get', '/moving', to])
    expect(await hashOf(to)).toBe(await hashOf(changed))
    expect(await readdir(target)).toEqual(['large'])
  })

  it('goes on with a folder', async () => {
    const to = join(target, 'all')
    await killedAt(4, ['get', '-r', '--jobs', '1', '/', to])
    world.proxy.forget()
    await world.device.ok(['get', '-r', '--jobs', '1', '/', to])
    expect(await hashOf(join(to, 'large'))).toBe(hash)
    expect((await readdir(to)).sort()).toEqual(['large', 'moving'])
    expect(fetched()).toBeLessThan(SIZE + 17 * MIB)
  })
})

it('leaves no record of downloads that are finished', async () => {
  expect(await readdir(join(world.device.home, 'transfers'))).toEqual([])
})
