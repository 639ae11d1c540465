import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bytesFrom } from '../../e2e/src/journeys/seeded-bytes.ts'
import type { Fault } from './harness/fault-proxy.ts'
import { type Random, seeded, seedsOf } from './harness/random.ts'
import { expectAll, hashOf, isPart, listed, MIB, openWorld, partBytes, ROUTE, type World } from './harness/world.ts'

const SIZE = 20 * MIB + 4321
const PARTS = 3
const JOBS = 2
/** What may be sent in vain: the parts in flight, and one whose answer came a moment before the end. */
const IN_FLIGHT = (JOBS + 1) * 8 * MIB

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

/** When a process dies: at a request, or after a time. */
function moment(random: Random, seed: number): Omit<Fault, 'act'> | { afterMs: number } {
  const at = random.pick(['seen', 'answered'] as const)
  const named: (() => Omit<Fault, 'act'>)[] = [
    () => ({ matches: ROUTE.part, nth: 1 + random.below(PARTS), at: random.pick(['half', 'answered'] as const) }),
    () => ({ matches: ROUTE.complete, nth: 1, at }),
    () => ({ matches: ROUTE.commit, nth: 1, at }),
    () => ({ matches: ROUTE.parts, nth: 1 + random.below(PARTS), at }),
    () => ({ matches: ROUTE.reserve, nth: 1, at }),
  ]
  // Named moments come in turn; every sixth is any moment at all.
  return named[seed % 6]?.() ?? { afterMs: 300 + random.below(1200) }
}

async function killedDuring(parameters: string[], when: ReturnType<typeof moment>): Promise<void> {
  const run = world.runUntilKilled(parameters)
  if ('afterMs' in when) {
    void sleep(when.afterMs).then(run.kill)
  } else {
    world.proxy.plan({ ...when, act: run.kill })
  }
  await run.ended
  world.proxy.plan(null)
}

/** The device's journals; a lock that a killed process has left is none. */
async function journals(): Promise<string[]> {
  const names = await readdir(join(world.device.home, 'transfers')).catch(() => [])
  return names.filter((name) => !name.endsWith('.lock'))
}

describe('kill -9 of the client during put', () => {
  const acknowledged = new Map<string, string>()

  it.each(seedsOf(600, 6))('resumes what was sent, and shows nothing before (seed %d)', async (seed) => {
    await seeded(seed, async (random) => {
      const name = `file-${seed}`
      const path = await world.file(name, seed, SIZE)
      const hash = await hashOf(path)
      world.proxy.forget()
      await killedDuring(['put', '--jobs', String(JOBS), path, '/'], moment(random, seed))
      const before = (await listed(world)).get(name)
      expect(before === undefined || before === SIZE).toBe(true)
      // Killed when all was done: another put would rightly make another version.
      const wasDone = before !== undefined && (await journals()).length === 0
      if (!wasDone) await world.device.ok(['put', path, '/'])
      acknowledged.set(name, hash)
      expect(partBytes(world.proxy)).toBeLessThan(SIZE + IN_FLIGHT)
      const versions = JSON.parse((await world.device.ok(['versions', '--json', `/${name}`])).stdout.toString())
      expect(versions).toHaveLength(1)
      await world.device.ok(['get', `/${name}`, path])
      expect(await hashOf(path)).toBe(hash)
      await rm(path)
    })
  })

  it('lost nothing that was acknowledged', async () => {
    expect(await expectAll(world, acknowledged)).toEqual([])
  })

  it('resumes the files of a tree', async () => {
    const names = ['tree/a', 'tree/b', 'tree/c']
    await mkdir(join(world.folder, 'tree'))
    for (const [index, name] of names.entries()) await world.file(name, 700 + index, 9 * MIB)
    world.proxy.forget()
    await killedDuring(['put', '-r', join(world.folder, 'tree'), '/'], {
      matches: ROUTE.complete,
      nth: 3,
      at: 'answered',
    })
    expect((await listed(world)).has('tree')).toBe(false)
    await world.device.ok(['put', '-r', join(world.folder, 'tree'), '/'])
    expect(partBytes(world.proxy)).toBeLessThan(1.3 * 27 * MIB)
    const hashes = await Promise.all(names.map(async (name) => [name, await hashOf(join(world.folder, name))] as const))
    expect(await expectAll(world, new Map(hashes))).toEqual([])
  })
})

describe('kill -9 of the client during put -r of small files', () => {
  it.each(seedsOf(1000, 2))(
    'leaves all of them or none, and they are there once after the next run (seed %d)',
    async (seed) => {
      await seeded(seed, async (random) => {
        const name = `small-${seed}`
        const folder = join(world.folder, name)
        await mkdir(folder)
        for (let index = 0; index < 40; index += 1) await writeFile(join(folder, `${index}`), `text ${seed} ${index}`)
        const at = random.pick(['seen', 'answered'] as const)
        await killedDuring(['put', '-r', folder, '/'], {
          matches: random.pick([ROUTE.commit, ROUTE.reserve]),
          nth: 1,
          at,
        })
        const before = (await listed(world)).has(name) ? (await listed(world, `/${name}`)).size : 0
        expect([0, 40]).toContain(before)
        await world.device.ok(['put', '-r', folder, '/'])
        expect((await listed(world, `/${name}`)).size).toBe(40)
        const path = `/${name}/${random.below(40)}`
        expect(JSON.parse((await world.device.ok(['versions', '--json', path])).stdout.toString())).toHaveLength(1)
        await world.device.ok(['get', path, join(world.folder, 'one')])
        expect(await hashOf(join(world.folder, 'one'))).toBe(await hashOf(join(world.folder, path)))
      })
    },
  )
})

describe('kill -9 of the client during put from stdin', () => {
  it.each([
    ['a long stream, at a part', SIZE, ROUTE.part, 2],
    ['a long stream, at complete', SIZE, ROUTE.complete, 1],
    ['a short one', 1000, ROUTE.reserve, 1],
  ] as const)('%s: shows nothing, and the next run works', async (what, size, matches, nth) => {
    const input = bytesFrom(51, size)
    const name = `stdin ${what}`
    const run = world.runUntilKilled(['put', '-', `/${name}`], input)
    world.proxy.plan({ matches, nth, at: 'answered', act: run.kill })
    expect((await run.ended).code).toBeNull()
    world.proxy.plan(null)
    expect((await listed(world)).has(name)).toBe(false)
    await world.device.ok(['put', '-', `/${name}`], { input })
    expect((await world.device.ok(['cat', `/${name}`])).stdout.equals(input)).toBe(true)
    expect(JSON.parse((await world.device.ok(['versions', '--json', `/${name}`])).stdout.toString())).toHaveLength(1)
  })
})

describe('a source that changed after kill -9', () => {
  it.each([
    ['in a part that was sent', 100],
    ['in a part that was not sent', SIZE - 100],
  ])('%s, with the same size and time, is uploaded as it is now', async (where, offset) => {
    const name = `changed ${where}`
    const path = await world.file(name, 42, SIZE)
    const { atime, mtime } = await stat(path)
    await killedDuring(['put', '--jobs', '1', path, '/'], { matches: isPart, nth: 2, at: 'answered' })
    const bytes = await readFile(path)
    bytes[offset] = (bytes[offset] ?? 0) ^ 1
    await writeFile(path, bytes)
    await utimes(path, atime, mtime)
    await world.device.ok(['put', path, '/'])
    const hash = await hashOf(path)
    await world.device.ok(['get', `/${name}`, path])
    expect(await hashOf(path)).toBe(hash)
  })
})

describe('journals', () => {
  it('are gone once their files are committed', async () => {
    expect(await journals()).toEqual([])
  })
})
