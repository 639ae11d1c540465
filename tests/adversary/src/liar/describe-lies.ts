import { afterAll, beforeAll, describe, it } from 'vitest'
import { keepMutants, type Mutants } from '../harness/mutants.ts'
import { type Attempt, attempt, expectHonest, expectLeak, expectStopped, type LieCase, needsHonest } from './attempt.ts'
import { buildWorld, type World } from './world.ts'

/** Where more can be tried, while the tests run. */
interface Surroundings {
  world(): World
  readonly mutants: Mutants
}

/** Runs cases, by topic, in one world: each against the real command line, an honest server, and a mutant. */
export function describeLies(topics: Readonly<Record<string, readonly LieCase[]>>): Surroundings {
  let world: World
  const mutants = keepMutants()

  beforeAll(async () => {
    world = await buildWorld()
  })

  afterAll(async () => {
    await mutants[Symbol.asyncDispose]()
    await world?.[Symbol.asyncDispose]()
  })

  /** Reason: what has no device of its own gets the same answer as the case before. */
  const known = new Map<string, Attempt>()
  const honestly = async (lieCase: LieCase): Promise<Attempt> => {
    const key = lieCase.cold === undefined && lieCase.newDevice === undefined ? lieCase.command.join(' ') : ''
    const honest = known.get(key) ?? (await attempt(world, lieCase, null))
    expectHonest(honest)
    if (key !== '') known.set(key, honest)
    return honest
  }

  describe.each(Object.entries(topics))('a server that lies %s', (_topic, cases) => {
    it.each(cases)('$name', async (lieCase) => {
      const mutant = mutants.without(lieCase.without)
      mutant.catch(() => undefined)
      expectStopped(lieCase, await attempt(world, lieCase, await lieCase.lie(world)))
      const { bin } = await mutant
      const leaked = await attempt(world, lieCase, await lieCase.lie(world), bin)
      expectLeak(lieCase, leaked, needsHonest(lieCase) ? await honestly(lieCase) : null)
    })
  })

  return { world: () => world, mutants }
}
