import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { moments } from './harness/random.ts'
import { openWorld, ROUTE, type World } from './harness/world.ts'

/** A verb that commits, what has to be there before, and what is there after it was done once. */
interface Verb {
  readonly name: string
  /** Makes what the verb works on, in the folder `at`. */
  readonly before: (at: string) => Promise<void>
  readonly verb: (at: string) => string[]
  readonly input?: string
  readonly after: (at: string) => Promise<void>
  /** Emptying the trash is not made up for: the user agreed to what was in it then. */
  readonly dropped?: true
}

let world: World
beforeAll(async () => {
  world = await openWorld()
  await mkdir(join(world.folder, 'tree/below'), { recursive: true })
  for (const name of ['one', 'two', 'below/three']) await writeFile(join(world.folder, 'tree', name), name)
})
afterAll(() => world[Symbol.asyncDispose]())

const ok = (...parameters: string[]) => world.device.ok(parameters, { cwd: world.folder })
const put = (path: string, input: string) => world.device.ok(['put', '--quiet', '-', path], { input })
const json = async (...parameters: string[]) => JSON.parse((await ok('--json', ...parameters)).stdout.toString())
const seq = async (): Promise<number> => (await json('state')).seq
const names = async (path: string) => (await json('ls', '-r', path)).map((entry: { path: string }) => entry.path).sort()
const text = async (path: string) => (await ok('cat', path)).stdout.toString()
const versions = async (path: string) => (await json('versions', path)).length
const trashed = async (path: string) =>
  (await json('trash')).filter((entry: { path: string }) => entry.path === path).length

const file = async (at: string) => void (await put(`${at}/file`, 'text'))
const VERBS: readonly Verb[] = [
  {
    name: 'put',
    before: file,
    verb: (at) => ['put', '-', `${at}/file`],
    input: 'new text',
    async after(at) {
      expect(await text(`${at}/file`)).toBe('new text')
      expect(await versions(`${at}/file`)).toBe(2)
    },
  },
  {
    name: 'put --conflict keep-both',
    before: file,
    verb: (at) => ['put', '--conflict', 'keep-both', '-', `${at}/file`],
    input: 'beside',
    async after(at) {
      expect(await names(at)).toEqual([`${at}/file`, `${at}/file (2)`])
      expect([await text(`${at}/file`), await text(`${at}/file (2)`)]).toEqual(['text', 'beside'])
    },
  },
  {
    name: 'put -r',
    before: async () => undefined,
    verb: (at) => ['put', '-r', 'tree', at],
    async after(at) {
      const all = ['', '/below', '/below/three', '/one', '/two'].map((path) => `${at}/tree${path}`)
      expect(await names(at)).toEqual(all)
      expect(await versions(`${at}/tree/below/three`)).toBe(1)
    },
  },
  {
    name: 'mkdir',
    before: async () => undefined,
    verb: (at) => ['mkdir', '-p', `${at}/a/b`],
    after: async (at) => expect(await names(at)).toEqual([`${at}/a`, `${at}/a/b`]),
  },
  {
    name: 'mv',
    before: file,
    verb: (at) => ['mv', `${at}/file`, `${at}/moved`],
    after: async (at) => expect(await names(at)).toEqual([`${at}/moved`]),
  },
  {
    name: 'mv to a name that is taken',
    async before(at) {
      await file(at)
      await put(`${at}/other`, 'other')
    },
    verb: (at) => ['mv', `${at}/file`, `${at}/other`],
    async after(at) {
      expect(await names(at)).toEqual([`${at}/other`])
      expect(await text(`${at}/other`)).toBe('text')
      expect(await trashed(`${at}/other`)).toBe(1)
    },
  },
  {
    name: 'cp',
    before: file,
    verb: (at) => ['cp', '--conflict', 'keep-both', `${at}/file`, `${at}/copy`],
    async after(at) {
      expect(await names(at)).toEqual([`${at}/copy`, `${at}/file`])
      expect(await text(`${at}/copy`)).toBe('text')
    },
  },
  {
    name: 'rm',
    before: file,
    verb: (at) => ['rm', `${at}/file`],
    async after(at) {
      expect(await names(at)).toEqual([])
      expect(await trashed(`${at}/file`)).toBe(1)
    },
  },
  {
    name: 'rm --permanent',
    async before(at) {
      await file(at)
      await ok('cp', `${at}/file`, `${at}/copy`)
    },
    verb: (at) => ['rm', '--permanent', `${at}/file`],
    async after(at) {
      expect(await names(at)).toEqual([`${at}/copy`])
      // The content is referred to once still: a release that was counted twice would have taken it.
      expect(await text(`${at}/copy`)).toBe('text')
    },
  },
  {
    name: 'restore',
    async before(at) {
      await file(at)
      await ok('rm', `${at}/file`)
    },
    verb: (at) => ['restore', `${at}/file`],
    async after(at) {
      expect(await names(at)).toEqual([`${at}/file`])
      expect(await trashed(`${at}/file`)).toBe(0)
    },
  },
  {
    name: 'restore --version',
    async before(at) {
      await file(at)
      await put(`${at}/file`, 'newer')
    },
    verb: (at) => ['restore', '--version', '1', `${at}/file`],
    async after(at) {
      expect(await text(`${at}/file`)).toBe('text')
      expect(await versions(`${at}/file`)).toBe(3)
    },
  },
  {
    name: 'trash empty',
    async before(at) {
      await file(at)
      await ok('rm', `${at}/file`)
    },
    verb: () => ['trash', 'empty', '--yes'],
    dropped: true,
    after: async () => expect(await json('trash')).toEqual([]),
  },
  {
    name: 'retention',
    before: async () => void (await ok('retention', '--trash', '40', '--versions', 'never')),
    verb: () => ['retention', '--trash', '50', '--versions', '60'],
    after: async () => expect(await json('retention')).toEqual({ trashDays: 50, versionDays: 60 }),
  },
]

let count = 0
/** Prepares a verb in a folder of its own; what was committed by then is known. */
async function prepared(verb: Verb): Promise<{ at: string; seqBefore: number }> {
  count += 1
  const at = `/case-${count}`
  await ok('mkdir', at)
  await verb.before(at)
  return { at, seqBefore: await seq() }
}

/** All with STRONGROOM_SOAK=1, else one of each kind. */
const CASES =
  moments(1) > 1
    ? VERBS
    : VERBS.filter(({ name }) => ['put', 'mv', 'cp', 'rm --permanent', 'trash empty'].includes(name))

describe.each(CASES)('$name', (verb) => {
  it('is done once when the answer to its commit is lost', async () => {
    const { at, seqBefore } = await prepared(verb)
    const lost = world.proxy.plan({ matches: ROUTE.commit, nth: 1, at: 'answered' })
    await world.device.ok(verb.verb(at), { cwd: world.folder, input: verb.input ?? '' })
    await lost.happened
    expect(await seq()).toBe(seqBefore + 1)
    await verb.after(at)
  })

  it.each([
    ['before its commit is taken', 'seen'],
    ['after its commit was taken', 'answered'],
  ] as const)('killed %s, is done once with the next command', async (_, moment) => {
    const { at, seqBefore } = await prepared(verb)
    const run = world.runUntilKilled(verb.verb(at), verb.input)
    world.proxy.plan({ matches: ROUTE.commit, nth: 1, at: moment, act: run.kill })
    expect((await run.ended).code).toBeNull()
    world.proxy.plan(null)
    await ok('ls', '/')
    expect(await readdir(world.device.home)).not.toContain('pending.commit')
    if (verb.dropped && moment === 'seen') {
      expect(await seq()).toBe(seqBefore)
      expect((await world.device.run(verb.verb(at))).code).toBe(0)
    } else expect(await seq()).toBe(seqBefore + 1)
    await verb.after(at)
  })
})
