import { watch } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { bytesFrom } from '../../e2e/src/journeys/seeded-bytes.ts'
import { type Random, seeded, seedsOf } from './harness/random.ts'
import { hashOf, MIB, openWorld, ROUTE, type World } from './harness/world.ts'

const SIZE = 44 * MIB + 99
const PARTS = 6
const PART = 32 * 262_112
const SMALL = 24
const LARGE = 9 * MIB
const HIDDEN = /^\.strongroom-([0-9a-f]{16}|[0-9a-f]{32})\.part$/

let world: World
let hash: string
let target: string
/** Hash and size of the files of `/many`, by name. */
const many = new Map<string, { hash: string; size: number }>()

beforeAll(async () => {
  world = await openWorld()
  const path = await world.file('large', 7, SIZE)
  hash = await hashOf(path)
  await world.device.ok(['put', path, '/'])
  await rm(path)
  const folder = join(world.folder, 'many')
  await mkdir(folder)
  const sizes = [...Array.from({ length: SMALL }, (_, index) => 1000 * index), LARGE, LARGE + 1]
  for (const [index, size] of sizes.entries()) {
    const file = join(folder, `${index}`)
    await writeFile(file, bytesFrom(100 + index, size))
    many.set(`${index}`, { hash: await hashOf(file), size })
  }
  await world.device.ok(['put', '-r', folder, '/'])
  await rm(folder, { recursive: true })
})
afterAll(() => world[Symbol.asyncDispose]())
beforeEach(async () => {
  target = await mkdtemp(join(world.folder, 'target-'))
})

/** Bytes of content that came from the server since `forget`. */
function fetched(): number {
  return world.proxy.passed.filter(ROUTE.object).reduce((sum, { received }) => sum + received, 0)
}

type Moment = (random: Random, kill: () => void) => Disposable | undefined

const atObject =
  (at: 'seen' | 'answering' | 'answered', most: number): Moment =>
  (random, kill) => {
    world.proxy.plan({ matches: ROUTE.object, nth: 1 + random.below(most), at, act: kill })
    return undefined
  }

/** When the folder below `target` shows a change that matters: `isDue` gets what changed. */
const whenSeen =
  (isDue: (name: string) => Promise<boolean>): Moment =>
  (_, kill) => {
    const watcher = watch(target, { recursive: true }, (_event, name) => {
      if (name === null) return
      void isDue(name.toString()).then((due) => {
        if (due) kill()
      })
    })
    return { [Symbol.dispose]: () => watcher.close() }
  }

const isWhole: Moment = whenSeen(
  async (name) => HIDDEN.test(name) && (await stat(join(target, name)).catch(() => null))?.size === SIZE,
)
const isRenamed: Moment = whenSeen(async (name) => name === 'large' && (await stat(join(target, name))).size === SIZE)
const atOpen: Moment = (random, kill) => {
  const at = random.pick(['seen', 'answered'] as const)
  world.proxy.plan({ matches: ROUTE.open, nth: 1, at, act: kill })
  return undefined
}
const anyTime: Moment = (random, kill) => {
  void sleep(200 + random.below(1200)).then(kill)
  return undefined
}

const MOMENTS: readonly { readonly when: string; readonly moment: Moment }[] = [
  { when: 'after a part, before it is written', moment: atObject('answered', PARTS) },
  { when: 'in the middle of a part', moment: atObject('answering', PARTS) },
  { when: 'when all is written, before or at the rename', moment: isWhole },
  { when: 'at or after the rename', moment: isRenamed },
  { when: 'at the request of a part', moment: atObject('seen', PARTS) },
  { when: 'when the content is opened', moment: atOpen },
  { when: 'at any time', moment: anyTime },
]

/** Ends a command with kill -9 at a moment, or lets it end before. */
async function killedDuring(parameters: string[], random: Random, moment: Moment): Promise<void> {
  const run = world.runUntilKilled(parameters)
  using _ = moment(random, run.kill) ?? { [Symbol.dispose]: () => undefined }
  await run.ended
  world.proxy.plan(null)
}

/** Ends a download with kill -9 when the n-th part is asked for. */
async function killedAt(nth: number, parameters: string[]): Promise<void> {
  const run = world.runUntilKilled(parameters)
  world.proxy.plan({ matches: ROUTE.object, nth, at: 'answered', act: run.kill })
  await run.ended
  world.proxy.plan(null)
}

const one = (to: string, jobs = 1) => ['get', '--jobs', String(jobs), '/large', to]

/** Bytes of whole parts in the hidden file beside the target. */
async function written(): Promise<number> {
  const names = (await readdir(target)).filter((name) => HIDDEN.test(name))
  if (names.length === 0) return 0
  expect(names).toHaveLength(1)
  const { size } = await stat(join(target, names[0] ?? ''))
  return size === SIZE ? size : size - (size % PART)
}

/** Records of downloads under way. */
async function records(): Promise<string[]> {
  return await readdir(join(world.device.home, 'transfers'))
}

describe('kill -9 of the client during get of a large file', () => {
  it.each(seedsOf(820, 4))('leaves no half file, and the next get fetches the rest only (seed %d)', async (seed) => {
    await seeded(seed, async (random) => {
      const chosen = MOMENTS[seed % MOMENTS.length] ?? { when: '', moment: anyTime }
      const to = join(target, 'large')
      await writeFile(to, 'what was there before')
      const before = 'what was there before'.length
      // A second kill of every third falls into the run that resumes.
      const kills = 1 + Number(random.below(3) === 0)
      for (let kill = 0; kill < kills; kill += 1) {
        await killedDuring(one(to, 1 + random.below(3)), random, chosen.moment)
        const { size } = await stat(to)
        expect([before, SIZE], chosen.when).toContain(size)
        if (size === SIZE) expect(await hashOf(to), chosen.when).toBe(hash)
        else expect(await readFile(to, 'utf8')).toBe('what was there before')
        expect((await readdir(target)).every((name) => name === 'large' || HIDDEN.test(name))).toBe(true)
      }
      const there = await written()
      world.proxy.forget()
      await world.device.ok(one(to))
      expect(await hashOf(to), chosen.when).toBe(hash)
      // Of the last parts that were written it may not have been written down that they were.
      expect(fetched(), chosen.when).toBeLessThan(SIZE - Math.max(0, there - 2 * 8 * MIB) + 2 * MIB)
      expect(await readdir(target), chosen.when).toEqual(['large'])
      expect(await records(), chosen.when).toEqual([])
    })
  })
})

describe('kill -9 of the client during get -r', () => {
  /** Names below the target that hold what they should; others are hidden, or fail. */
  const whole = async (): Promise<string[]> => {
    const folder = join(target, 'many')
    const names = (await readdir(folder).catch(() => [])).filter((name) => !HIDDEN.test(name))
    for (const name of names) expect(await hashOf(join(folder, name)), name).toBe(many.get(name)?.hash)
    return names
  }
  const moments: readonly Moment[] = [
    atObject('answered', SMALL),
    atObject('answering', SMALL + 4),
    atObject('seen', SMALL),
    whenSeen(async (name) => name === join('many', `${SMALL}`)),
    whenSeen(async (name) => name === join('many', '7')),
    atOpen,
    anyTime,
  ]

  it.each(seedsOf(860, 2))('leaves whole files only, and the next fetches no file again (seed %d)', async (seed) => {
    await seeded(seed, async (random) => {
      const get = ['get', '-r', '--jobs', String(1 + random.below(4)), '/many', target]
      await killedDuring(get, random, moments[seed % moments.length] ?? anyTime)
      const done = await whole()
      const all = [...many.values()].reduce((sum, { size }) => sum + size, 0)
      const there = done.reduce((sum, name) => sum + (many.get(name)?.size ?? 0), 0)
      world.proxy.forget()
      await world.device.ok(get)
      expect((await whole()).sort()).toEqual([...many.keys()].sort())
      // Padding makes objects longer than files, by an eighth at most.
      expect(fetched()).toBeLessThan((all - there) * 1.13 + SMALL * 1024)
      // A large file that had its name by then is not looked at again, so its record goes after 30 days only.
      for (const name of await records()) await rm(join(world.device.home, 'transfers', name), { recursive: true })
      // What a small file had by then is gone after a day; nobody comes back for it.
      const left = (await readdir(join(target, 'many'))).filter((name) => HIDDEN.test(name))
      for (const name of left) expect(name).toMatch(/^\.strongroom-[0-9a-f]{16}\.part$/)
      expect(left.length).toBeLessThanOrEqual(4)
    })
  })

  it('has what is left of small files removed a day later', async () => {
    const folder = join(target, 'many')
    await mkdir(folder)
    const left = join(folder, '.strongroom-0123456789abcdef.part')
    await writeFile(left, 'left')
    await utimes(left, 1, 1)
    await world.device.ok(['get', '-r', '/many', target])
    expect((await readdir(folder)).sort()).toEqual([...many.keys()].sort())
  })
})

describe('what a killed get has left', () => {
  it('is fetched again where someone changed it meanwhile', async () => {
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

  it('is not used when the file is another one by then', async () => {
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

  it('is gone on with as part of a folder, too', async () => {
    const to = join(target, 'all')
    const get = ['get', '-r', '--jobs', '1', '--exclude', 'many', '/', to]
    await killedAt(4, get)
    world.proxy.forget()
    await world.device.ok(get)
    expect(await hashOf(join(to, 'large'))).toBe(hash)
    expect((await readdir(to)).sort()).toEqual(['large', 'moving'])
    expect(fetched()).toBeLessThan(SIZE + 17 * MIB)
  })
})
