import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CliResult } from '../../../dev-env/cli.ts'
import { copyOfHome, expectOneLine, expectStopped, run, targetFolder } from '../harness/cli.ts'
import { editFile, flipBit } from '../harness/edit.ts'
import { keepMutants } from '../harness/mutants.ts'
import { startServer } from '../harness/server.ts'
import { ATTACKS, type Attack } from './attacks.ts'
import { buildWorld, FILES, partFile, type World } from './world.ts'

let world: World
const mutants = keepMutants()

beforeAll(async () => {
  world = await buildWorld()
  await Promise.all(ATTACKS.map(({ checks }) => mutants.without(checks)))
})

afterAll(async () => {
  await mutants[Symbol.asyncDispose]()
  await world?.remove(world.server)
})

interface Outcome {
  readonly result: CliResult
  /** What lies at the target afterwards; null when nothing does. */
  readonly got: Buffer | null
  /** Everything in the target's folder. */
  readonly names: readonly string[]
}

/** One command on a device that has pins but no cache; for logins on one that has never been here. */
async function attempt(attack: Attack, bin?: string): Promise<Outcome> {
  const forget = attack.command === 'login' ? ['pins.json', 'profile.json', 'vault.cache'] : ['vault.cache']
  await using device = await copyOfHome(world.alice, { forget })
  await using target = await targetFolder()
  const parameters =
    attack.command === 'ls'
      ? ['ls', '/']
      : attack.command === 'audit' || attack.command === 'whoami' || attack.command === 'verify'
        ? [attack.command]
        : attack.command === 'login'
          ? ['login', 'alice']
          : ['get', `/${attack.command}`, join(target.path, attack.command)]
  const options = { home: device.home, server: world.server.url, password: world.alice.password }
  const result = await run(parameters, bin === undefined ? options : { ...options, bin })
  const got = await readFile(join(target.path, attack.command)).catch(() => null)
  return { result, got, names: await readdir(target.path) }
}

function expectLeak(attack: Attack, { result, got }: Outcome): void {
  expect(result.code, result.stderr).not.toBe(5)
  if (attack.leak === 'another exit code') return
  expect(result.code, result.stderr).toBe(0)
  expect(isRight(attack, result, got)).toBe(attack.leak === 'success')
}

/** Whether the user got what the user would get from an honest server. */
function isRight({ command }: Attack, result: CliResult, got: Buffer | null): boolean {
  if (command === 'login' || command === 'audit' || command === 'whoami' || command === 'verify') return true
  if (command !== 'ls') return got?.equals(world.files[command].content) === true
  const listing = result.stdout.toString('utf8')
  return FILES.every((name) => listing.includes(name)) && !/forged|fork/.test(listing)
}

describe.each(ATTACKS)('when $name', (attack) => {
  let real: Outcome
  let mutant: Outcome

  beforeAll(async () => {
    const undo = await attack.apply(world)
    try {
      const { bin } = await mutants.without(attack.checks)
      ;[real, mutant] = await Promise.all([attempt(attack), attempt(attack, bin)])
    } finally {
      await undo()
    }
  })

  it('the command stops with exit code 5, one line and nothing on disk', () => {
    // `verify` tells besides what is right and what is not.
    if (attack.command === 'verify') expect(real.result.code).toBe(5)
    else {
      expectOneLine(real.result, 5)
      expect(real.result.stdout.toString('utf8')).toBe('')
    }
    expect(real.names).toEqual([])
  })

  it(`it goes unnoticed without: ${attack.checks.join(', ')}`, () => {
    expectLeak(attack, mutant)
  })
})

describe('a blob that was changed', () => {
  const flip = async (): Promise<() => Promise<void>> =>
    editFile(await partFile(world, 'a.txt'), (bytes) => flipBit(bytes, 40))
  const options = (home: string) => ({ home, server: world.server.url, password: world.alice.password })

  it('leaves the file alone that stands at the target already', async () => {
    const undo = await flip()
    await using target = await targetFolder()
    try {
      await writeFile(join(target.path, 'a.txt'), 'what was here before')
      const result = await run(['get', '/a.txt', join(target.path, 'a.txt')], options(world.alice.home))
      expectOneLine(result, 5)
      expect(await readdir(target.path)).toEqual(['a.txt'])
      expect(await readFile(join(target.path, 'a.txt'), 'utf8')).toBe('what was here before')
    } finally {
      await undo()
    }
  })

  it('puts nothing on stdout by cat', async () => {
    const undo = await flip()
    try {
      const result = await run(['cat', '/a.txt'], options(world.alice.home))
      expectOneLine(result, 5)
      expect(result.stdout.length).toBe(0)
    } finally {
      await undo()
    }
  })

  it('is left out of a folder, whose download ends with exit code 5', async () => {
    const undo = await flip()
    await using target = await targetFolder()
    try {
      const result = await run(['get', '-r', '/', target.path], options(world.alice.home))
      expectOneLine(result, 5)
      const names = await readdir(target.path)
      expect(names.filter((name) => name !== 'b.txt' && name !== 'big.bin')).toEqual([])
    } finally {
      await undo()
    }
  })

  it('while the server was stopped is found after its start', async () => {
    const { port } = new URL(world.server.url)
    await world.server.stop()
    const undo = await flip()
    await using target = await targetFolder()
    try {
      world = { ...world, server: await startServer({ dataFolder: world.server.dataFolder, port: Number(port) }) }
      const result = await run(['get', '/a.txt', join(target.path, 'a.txt')], options(world.alice.home))
      await expectStopped(result, target.path)
    } finally {
      await undo()
    }
  })
})

describe('the untouched server', () => {
  it.each(FILES)('gives back %s as it was put', async (name) => {
    const attack = {
      name,
      command: name,
      checks: [],
      leak: 'success',
      apply: async () => async () => undefined,
    } as const
    const { result, got } = await attempt(attack)
    expect(result.code, result.stderr).toBe(0)
    expect(got?.equals(world.files[name].content)).toBe(true)
  })

  it('lists what is there, to a device that was here and to a new one', async () => {
    const listing = (await world.alice.ok(['ls', '/'])).stdout.toString('utf8')
    for (const name of FILES) expect(listing).toContain(name)
    await using device = await copyOfHome(world.alice, { forget: ['pins.json', 'profile.json', 'vault.cache'] })
    const options = { home: device.home, server: world.server.url, password: world.alice.password }
    expect((await run(['login', 'alice'], options)).code).toBe(0)
    expect((await run(['ls', '/'], options)).stdout.toString('utf8')).toBe(listing)
  })
})
