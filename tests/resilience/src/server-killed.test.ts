import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hold } from './harness/hold.ts'
import { type Random, seeded, seedsOf } from './harness/random.ts'
import { expectAll, hashOf, listed, MIB, openWorld, partBytes, ROUTE, type World } from './harness/world.ts'

const PARTS = 3
const SIZE = 20 * MIB + 77
const SMALL = 100_000
const JOBS = 2
const IN_FLIGHT = (JOBS + 1) * 8 * MIB

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

/** Lies in wait for a moment, to kill the server in it. `happened` resolves when it has been killed. */
type Killer = (random: Random) => Promise<{ readonly happened: Promise<void> }>

const atRequest =
  (matches: (typeof ROUTE)[keyof typeof ROUTE], at: 'seen' | 'half' | 'answered', most = 1): Killer =>
  async (random) =>
    world.proxy.plan({ matches, nth: 1 + random.below(most), at, act: () => world.killServer() })

const whileHeld =
  (held: 'stored' | 'commit'): Killer =>
  async () => {
    const holding = await hold(world.server.dataDir, held)
    const kill = async (): Promise<void> => {
      await holding.reached()
      await world.killServer()
      await holding.release()
    }
    return { happened: kill() }
  }

const atAnyTime: Killer = async (random) => ({
  happened: sleep(300 + random.below(1500)).then(() => world.killServer()),
})

/** What is put, and when the server dies. The first are those where a file is half recorded. */
const MOMENTS: readonly { when: string; size: number; kill: Killer }[] = [
  { when: 'between the store and the database, at complete', size: SIZE, kill: whileHeld('stored') },
  { when: 'between the store and the database, of a small file', size: SMALL, kill: whileHeld('stored') },
  { when: 'in the transaction of the commit', size: SIZE, kill: whileHeld('commit') },
  { when: 'during a part', size: SIZE, kill: atRequest(ROUTE.part, 'half', PARTS) },
  { when: 'after the commit, before its answer', size: SIZE, kill: atRequest(ROUTE.commit, 'answered') },
  { when: 'at any time', size: SIZE, kill: atAnyTime },
  { when: 'after a part, before its answer', size: SIZE, kill: atRequest(ROUTE.part, 'answered', PARTS) },
  { when: 'after complete, before its answer', size: SIZE, kill: atRequest(ROUTE.complete, 'answered') },
  { when: 'at complete', size: SIZE, kill: atRequest(ROUTE.complete, 'seen') },
  { when: 'at the commit', size: SIZE, kill: atRequest(ROUTE.commit, 'seen') },
]

/** Runs a put until it is acknowledged, which may take another run once the server is there again. */
async function putUntilDone(parameters: string[]): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const result = await world.device.run(parameters)
    if (result.code === 0) return
    if (result.code !== 7 || attempt === 3) throw new Error(`put ended with ${result.code}: ${result.stderr}`)
    await world.serverIsUp()
  }
}

describe('kill -9 of the server during put', () => {
  const acknowledged = new Map<string, string>()

  it.each(seedsOf(900, 6))('loses nothing, shows nothing half, and stores nothing twice (seed %d)', async (seed) => {
    await seeded(seed, async (random) => {
      const moment = MOMENTS[seed % MOMENTS.length]
      if (moment === undefined) throw new Error('there is a moment for each seed')
      const name = `file-${seed}`
      const path = await world.file(name, seed, moment.size)
      world.proxy.forget()
      const killed = await moment.kill(random)
      await putUntilDone(['put', '--jobs', String(JOBS), path, '/'])
      await killed.happened
      await world.serverIsUp()
      world.proxy.plan(null)
      acknowledged.set(name, await hashOf(path))
      expect((await listed(world)).get(name), moment.when).toBe(moment.size)
      const versions = JSON.parse((await world.device.ok(['versions', '--json', `/${name}`])).stdout.toString())
      expect(versions, moment.when).toHaveLength(1)
      if (moment.size > SMALL) expect(partBytes(world.proxy), moment.when).toBeLessThan(moment.size + IN_FLIGHT)
      await rm(path)
    })
  })

  it('left every acknowledged file as it was', async () => {
    expect(await expectAll(world, acknowledged)).toEqual([])
  })
})
