import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CliResult } from '../../../dev-env/cli.ts'
import { copyOfHome, expectStopped, run, targetFolder } from '../harness/cli.ts'
import { buildMutant, type Mutant } from '../harness/mutant.ts'
import { ATTACKS, type Attack } from './attacks.ts'
import { CHECKS } from './checks.ts'
import { buildWorld, FILES, type FileName, type World } from './world.ts'

let world: World
const mutants = new Map<string, Mutant>()

beforeAll(async () => {
  world = await buildWorld()
  await Promise.all(ATTACKS.map(prepareMutant))
})

afterAll(async () => {
  for (const mutant of mutants.values()) await mutant[Symbol.asyncDispose]()
  await world?.[Symbol.asyncDispose]()
})

function mutantKey(attack: Attack): string {
  return [...attack.checks].sort().join(', ')
}

const building = new Map<string, Promise<Mutant>>()

async function prepareMutant(attack: Attack): Promise<void> {
  const key = mutantKey(attack)
  const built = building.get(key) ?? buildMutant(attack.checks.map((check) => CHECKS[check]))
  building.set(key, built)
  mutants.set(key, await built)
}

interface Outcome {
  readonly result: CliResult
  /** What lies at the target afterwards; null when nothing does. */
  readonly got: Buffer | null
}

/** One command on a device that has pins but no cache; with a new device for logins. */
async function attempt(attack: Attack, inspect: (outcome: Outcome, target: string) => Promise<void>, bin?: string) {
  const forget = attack.command === 'login' ? ['pins.json', 'profile.json', 'vault.cache'] : ['vault.cache']
  await using device = await copyOfHome(world.alice, { forget })
  await using target = await targetFolder()
  const parameters =
    attack.command === 'ls'
      ? ['ls', '/']
      : attack.command === 'login'
        ? ['login', 'alice']
        : ['get', `/${attack.command}`, join(target.path, attack.command)]
  const options = { home: device.home, server: world.server.url, password: world.alice.password }
  const result = await run(parameters, bin === undefined ? options : { ...options, bin })
  const got = await readFile(join(target.path, attack.command)).catch(() => null)
  await inspect({ result, got }, target.path)
}

function expectLeak(attack: Attack, { result, got }: Outcome): void {
  expect(result.code, result.stderr).not.toBe(5)
  if (attack.leak === 'another exit code') return
  expect(result.code, result.stderr).toBe(0)
  const listing = result.stdout.toString('utf8')
  const expected =
    attack.command === 'ls'
      ? FILES.every((name) => listing.includes(name)) && !/forged|fork/.test(listing)
      : isAsPut(attack.command, got)
  expect(expected).toBe(attack.leak === 'success')
}

function isAsPut(command: FileName | 'login', got: Buffer | null): boolean {
  return command !== 'login' && got !== null && got.equals(world.files[command].content)
}

describe.each(ATTACKS)('when $name', (attack) => {
  it('the command stops with exit code 5, one line and nothing on disk', async () => {
    const undo = await attack.apply(world)
    try {
      await attempt(attack, ({ result }, target) => expectStopped(result, target))
    } finally {
      await undo()
    }
  })

  it(`it goes unnoticed without: ${attack.checks.join(', ')}`, async () => {
    const undo = await attack.apply(world)
    try {
      await attempt(attack, async (outcome) => expectLeak(attack, outcome), mutants.get(mutantKey(attack))?.bin)
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
    await attempt(attack, async ({ result, got }) => {
      expect(result.code, result.stderr).toBe(0)
      expect(got?.equals(world.files[name].content)).toBe(true)
    })
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
