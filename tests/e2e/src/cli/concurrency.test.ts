import { readdir } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice } from '../../../dev-env/cli.ts'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { type Gate, startGate, type Verdict } from './gate.ts'

const ROUNDS = process.env.STRONGROOM_SOAK === '1' ? 200 : 2
const LOGIN = 'two@example.org'

let server: DevServer
let gate: Gate
let first: CliDevice
/** Reaches the server through the gate. */
let second: CliDevice

beforeAll(async () => {
  server = await startDevServer()
  gate = await startGate(server.url)
  first = await CliDevice.create(server.url)
  second = await CliDevice.create(gate.url)
  await first.register(LOGIN)
  await second.login(LOGIN)
})

afterAll(async () => {
  for (const each of [first, second, gate]) await each?.[Symbol.asyncDispose]()
  await server?.stop()
})

async function list(device: CliDevice, path: string): Promise<string[]> {
  const { stdout } = await device.ok(['--json', 'ls', path])
  const entries: { name: string }[] = JSON.parse(stdout.toString('utf8'))
  return entries.map((entry) => entry.name)
}

async function read(device: CliDevice, path: string): Promise<string> {
  return (await device.ok(['cat', path])).stdout.toString('utf8')
}

async function contents(device: CliDevice, folder: string): Promise<string[]> {
  const names = await list(device, folder)
  return (await Promise.all(names.map((name) => read(device, `${folder}/${name}`)))).sort()
}

const put = (device: CliDevice, path: string, text: string, ...more: string[]) =>
  device.ok(['put', '--quiet', ...more, '-', path], { input: text })

describe('two devices of one account', () => {
  it('write at once, both succeed, and colliding names keep both', { timeout: ROUNDS * 30_000 + 60_000 }, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const folder = `/race-${round}`
      await first.ok(['mkdir', folder])
      await Promise.all([
        put(first, `${folder}/same.txt`, 'of the first', '--conflict', 'keep-both'),
        put(second, `${folder}/same.txt`, 'of the second', '--conflict', 'keep-both'),
        put(first, `${folder}/first.txt`, 'one'),
        put(second, `${folder}/second.txt`, 'two'),
      ])
      expect(await contents(first, folder)).toEqual(['of the first', 'of the second', 'one', 'two'])
      expect((await list(second, folder)).sort()).toEqual((await list(first, folder)).sort())
    }
  })

  it('never hide what the other one wrote meanwhile', async () => {
    await put(first, '/note.txt', 'base')
    await list(second, '/')
    gate.guard({
      before: async (): Promise<Verdict> => {
        gate.guard(null)
        await put(first, '/note.txt', 'mine')
        return 'pass'
      },
    })
    await put(second, '/note.txt', 'theirs')
    const copy = (await list(first, '/')).find((name) => /^note \(conflict, .*\)\.txt$/.test(name))
    expect(await read(first, '/note.txt')).toBe('mine')
    expect(await read(first, `/${copy}`)).toBe('theirs')
  })

  it('purge nothing that was not seen', async () => {
    await first.ok(['mkdir', '-p', '/box/in'])
    await put(first, '/box/seen.txt', 'seen')
    await put(first, '/box/changed.txt', 'before')
    await list(second, '/')
    gate.guard({
      before: async (): Promise<Verdict> => {
        gate.guard(null)
        await put(first, '/box/in/new.txt', 'new')
        await put(first, '/box/changed.txt', 'after')
        return 'pass'
      },
    })
    await second.ok(['rm', '-r', '--permanent', '/box'])
    expect(await list(first, '/')).not.toContain('box')
    expect((await list(first, '/Recovered')).sort()).toEqual(['changed.txt', 'new.txt'])
    expect(await read(first, '/Recovered/new.txt')).toBe('new')
    expect(await read(first, '/Recovered/changed.txt')).toBe('after')
  })
})

describe('one device', () => {
  it('takes several commands at once', async () => {
    const names = ['a', 'b', 'c', 'd']
    await first.ok(['mkdir', '/at-once'])
    await Promise.all([...names.map((name) => put(first, `/at-once/${name}`, name)), list(first, '/at-once')])
    expect(await list(first, '/at-once')).toEqual(names)
    expect(await contents(second, '/at-once')).toEqual(names)
  })

  it('does nothing twice when the answer to a commit is lost', async () => {
    let lost = 0
    gate.guard({
      after: async (): Promise<Verdict> => {
        lost += 1
        if (lost > 1) gate.guard(null)
        else await put(first, '/between.txt', 'between')
        return lost > 2 ? 'pass' : 'cut'
      },
    })
    await put(second, '/once.txt', 'once')
    expect(lost).toBe(2)
    expect((await list(first, '/')).filter((name) => name.startsWith('once'))).toEqual(['once.txt'])
    expect(await versionCount('/once.txt')).toBe(1)
  })

  it.each([
    ['before the server had its commit', 'before'],
    ['after the server had taken its commit', 'after'],
  ] as const)('killed %s, finishes it once with the next command', async (_, moment) => {
    await put(first, `/killed-${moment}.txt`, 'base')
    await list(second, '/')
    await killedAt(moment, ['put', '--quiet', '-', `/killed-${moment}.txt`], 'survives')
    expect(await readdir(second.home)).toContain('pending.commit')
    if (moment === 'before') expect(await read(first, `/killed-${moment}.txt`)).toBe('base')
    await list(second, '/')
    expect(await readdir(second.home)).not.toContain('pending.commit')
    expect(await read(first, `/killed-${moment}.txt`)).toBe('survives')
    expect(await versionCount(`/killed-${moment}.txt`)).toBe(2)
    expect((await list(first, '/')).filter((name) => name.startsWith('killed')).join()).not.toContain('conflict')
  })

  it('interrupted, does not do it later', async () => {
    await put(first, '/kept.txt', 'kept')
    await list(second, '/')
    let child: { kill(signal: NodeJS.Signals): boolean } | undefined
    gate.guard({
      before: async (): Promise<Verdict> => {
        child?.kill('SIGINT')
        await new Promise((resolve) => setTimeout(resolve, 500))
        return 'cut'
      },
    })
    const result = await second.run(['rm', '--permanent', '/kept.txt'], {
      onSpawn: (spawned) => {
        child = spawned
      },
    })
    gate.guard(null)
    expect(result.code).toBe(130)
    expect(await readdir(second.home)).not.toContain('pending.commit')
    expect(await list(second, '/')).toContain('kept.txt')
    expect(await read(first, '/kept.txt')).toBe('kept')
  })
})

describe('a command that waits for another one of its device', () => {
  it('ends at once when it is interrupted', async () => {
    let letGo = (): void => {}
    const reached = new Promise<void>((resolve) => {
      const before = async (): Promise<Verdict> => {
        resolve()
        await new Promise<void>((done) => {
          letGo = done
        })
        return 'pass'
      }
      gate.guard({ before })
    })
    const holding = put(second, '/holding.txt', 'held')
    await reached
    const { code, stderr } = await second.run(['mkdir', '/waiting'], {
      onSpawn: (child) => {
        setTimeout(() => {
          child.kill('SIGINT')
        }, 2500)
      },
    })
    // The other command still holds what this one waits for.
    expect({ code, stderr }).toEqual({ code: 130, stderr: 'strongroom: Interrupted.\n' })
    letGo()
    gate.guard(null)
    await holding
    expect(await list(first, '/')).not.toContain('waiting')
  })
})

/** Runs a command of the second device and kills it when its commit is at the gate. */
async function killedAt(moment: 'before' | 'after', parameters: string[], input: string): Promise<void> {
  let kill: (() => void) | undefined
  const strike = async (): Promise<'cut'> => {
    gate.guard(null)
    kill?.()
    await new Promise((resolve) => setTimeout(resolve, 100))
    return 'cut'
  }
  gate.guard(moment === 'before' ? { before: strike } : { after: strike })
  const result = await second.run(parameters, {
    input,
    onSpawn: (child) => {
      kill = () => child.kill('SIGKILL')
    },
  })
  expect(result.code).toBeNull()
}

async function versionCount(path: string): Promise<number> {
  const { stdout } = await first.ok(['--json', 'versions', path])
  return (JSON.parse(stdout.toString('utf8')) as unknown[]).length
}
