import type { ChildProcess } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { CliResult } from '../../../dev-env/cli.ts'
import type { Check } from '../checks/checks.ts'
import { copyOfHome, expectOneLine, run, targetFolder } from '../harness/cli.ts'
import { readTree } from '../harness/files.ts'
import { findNeedles, textCanary } from '../harness/needles.ts'
import type { Exchange, Lie } from '../harness/proxy.ts'
import { stateCode } from './recordings.ts'
import { SECRETS, type World } from './world.ts'

/** No command may need more requests, or more time, than this to give up. */
const MOST_REQUESTS = 40
const MOST_MS = 45_000
/** How long a mutant may go on before it counts as never ending. */
const PATIENCE_MS = 6_000

/** Anything but printable text and the end of the line. */
const CONTROL = /[^\n\P{Cc}]/u

/** What comes out of a client that no longer checks. */
export type Leak =
  /** Exit code 0, and what an honest server would have given. */
  | 'success'
  /** Exit code 0, and something else than an honest server would have given. */
  | 'wrong answer'
  /** Exit code 0, and the vault was changed on top of the lie. */
  | 'the change is made'
  /** Another exit code: the lie is told from other failures no more. */
  | 'another exit code'
  /** A foreign host is asked. */
  | 'a foreign host is asked'
  | 'control characters on the terminal'
  /** Requests, or waiting, without end. */
  | 'no end'

/** What issue and design call the attacks. */
export const KINDS = [
  'flip',
  'cut',
  'extend',
  'swap blobs',
  'swap keys',
  'swap names',
  'swap vaults',
  'old head',
  'old keyring',
  'old envelope',
  'drop',
  'reorder',
  'forge',
  'fork',
  'resurrect',
  'weaker parameters',
  'unknown version',
  'huge count',
  'redirect',
  'another account',
  'two keys',
  'hostile form',
  'denial',
] as const
export type Kind = (typeof KINDS)[number]

export interface LieCase {
  readonly name: string
  readonly kind: Kind
  /** What is typed; TARGET stands for an empty folder, SOURCE for a file, CODE for a state code. */
  readonly command: readonly string[]
  readonly lie: (world: World) => Lie | Promise<Lie>
  /** 5 unless told: 4 where a login fails, 7 where the lie can only deny service. */
  readonly exitCode?: number
  /** Whether the device has forgotten its cache and must read the whole log. */
  readonly cold?: boolean
  /** A device that has never been here. */
  readonly newDevice?: boolean
  readonly input?: string
  /** Alice's, where the lie has changed it. */
  readonly password?: string
  /** Whether nothing may be stored any more once the lie was told. */
  readonly untouched?: boolean
  /** Changes the copy of the device that runs the command. */
  readonly prepare?: (home: string, world: World) => Promise<void>
  /** All checks that stand in the way; the mutant makes none of them. */
  readonly without: readonly Check[]
  readonly leak: Leak
}

export const TARGET = '<target>'
/** A file to upload, of more bytes than travel inside a reservation; with `.d` behind it a folder of small files. */
export const SOURCE = '<source>'
/** The state code of alice's second commit, as another device of hers had shown it. */
export const CODE = '<code>'

/** One run of a command while the proxy lies. */
export interface Attempt {
  readonly result: CliResult
  /** What lies in the target folder afterwards, by path. */
  readonly got: ReadonlyMap<string, string>
  /** Names and contents that were found on the disk in the clear. */
  readonly plaintext: readonly string[]
  readonly requests: readonly string[]
  /** Requests that the server has taken and that store or change something. */
  readonly changes: readonly string[]
  readonly trapped: readonly string[]
  readonly tookMs: number
}

/** Runs the command of a case on a copy of alice's device; `lie` null is the honest server. */
export async function attempt(world: World, lieCase: LieCase, lie: Lie | null, bin?: string): Promise<Attempt> {
  const { proxy, alice, trap } = world
  const everything = ['profile.json', 'pins.json', 'vault.cache', 'vault.cache-log']
  const cache = ['vault.cache', 'vault.cache-log']
  const forget = lieCase.newDevice ? everything : lieCase.cold ? cache : []
  // Reason: a sign-in ends the session that its profile had, which is that of all other copies too.
  if (lieCase.command[0] === 'login') forget.push('profile.json')
  await using copy = await copyOfHome(alice, { forget })
  await using target = await targetFolder()
  if (lie !== null) await lieCase.prepare?.(copy.home, world)
  const temporary = join(copy.home, 'tmp')
  await mkdir(temporary)
  const code = lieCase.command.includes(CODE) ? await stateCode(world, alice, 1) : ''
  proxy.forget()
  trap.requests.splice(0)
  proxy.tell(lie)
  const startedMs = Date.now()
  const watch = new Watch()
  try {
    const result = await run(
      lieCase.command.map((word) =>
        word.replace(TARGET, target.path).replace(SOURCE, world.source).replace(CODE, code),
      ),
      {
        home: copy.home,
        server: proxy.url,
        password: lieCase.password ?? alice.password,
        env: { TMPDIR: temporary },
        timeoutMs: MOST_MS + 10_000,
        onSpawn: (child) => {
          if (bin !== undefined && lieCase.leak === 'no end')
            watch.end(child, () => proxy.exchanges.length > MOST_REQUESTS)
        },
        ...(lieCase.input === undefined ? {} : { input: lieCase.input }),
        ...(bin === undefined ? {} : { bin }),
      },
    )
    const got = await readTree(target.path)
    const places = [...got, ...(await readTree(copy.home))]
    return {
      result,
      got: new Map(got.map(({ name, bytes }) => [name, Buffer.from(bytes).toString('latin1')])),
      plaintext: findNeedles(
        SECRETS.map((text) => textCanary(text, text)),
        places,
      ),
      requests: proxy.exchanges.map(({ request }) => `${request.method} ${request.path}`),
      changes: proxy.exchanges.filter(isChange).map(({ request }) => `${request.method} ${request.path}`),
      trapped: [...trap.requests],
      tookMs: Date.now() - startedMs,
    }
  } finally {
    watch.stop()
    proxy.tell(null)
  }
}

/** Whether something was stored: a blob, a part, a commit. */
function isChange({ request, answer }: Exchange): boolean {
  const stores = /^(POST \/v1\/blobs|PUT \/v1\/store\/|POST \/v1\/vaults\/[^/]+\/(commits|restore))$/
  return stores.test(`${request.method} ${request.path.replace(/(store\/).*/, '$1')}`) && (answer?.status ?? 500) < 300
}

/** Ends a mutant that would not end by itself. */
class Watch {
  #timers: NodeJS.Timeout[] = []

  end(child: ChildProcess, isEnough: () => boolean): void {
    const kill = () => child.kill('SIGKILL')
    this.#timers = [setTimeout(kill, PATIENCE_MS), setInterval(() => isEnough() && kill(), 50)]
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer)
  }
}

/** The lie was noticed: exit code, one line, nothing shown, nothing on disk, nobody else asked, an end. */
export function expectStopped(lieCase: LieCase, { result, ...seen }: Attempt): void {
  expectOneLine(result, lieCase.exitCode ?? 5)
  expect(result.stderr, 'no control characters').not.toMatch(CONTROL)
  expect(result.stdout.toString(), 'nothing is shown').toBe('')
  expect([...seen.got], 'nothing at or beside the target').toEqual([])
  expect(seen.plaintext, 'no plaintext on disk').toEqual([])
  expect(seen.requests.length, 'the lie was told').toBeGreaterThan(0)
  expect(seen.requests.length, 'no retry loop').toBeLessThanOrEqual(MOST_REQUESTS)
  expect(seen.tookMs, 'no endless wait').toBeLessThan(MOST_MS)
  if (lieCase.untouched) expect(seen.changes, 'nothing is sent on top of the lie').toEqual([])
  expect(seen.trapped, 'nobody else is asked').toEqual([])
}

/** Without its checks the lie goes through, in the way that the case says. */
export function expectLeak(lieCase: LieCase, { result, ...seen }: Attempt, honest: Attempt | null): void {
  const told = { code: result.code, stderr: result.stderr }
  switch (lieCase.leak) {
    case 'a foreign host is asked':
      expect(seen.trapped, result.stderr).not.toEqual([])
      return
    case 'no end':
      expect(told).toEqual({ code: null, stderr: '' })
      return
    case 'the change is made':
      expect(told, result.stderr).toMatchObject({ code: 0 })
      expect(seen.changes).not.toEqual([])
      return
    case 'control characters on the terminal':
      expect(result.stderr).toMatch(CONTROL)
      return
    case 'another exit code':
      expect(result.code, result.stderr).not.toBeNull()
      expect(result.code, result.stderr).not.toBe(lieCase.exitCode ?? 5)
      return
    default: {
      expect(told, result.stderr).toMatchObject({ code: 0 })
      const shown = [result.stdout.toString('latin1'), ...seen.got]
      const right = [honest?.result.stdout.toString('latin1'), ...(honest?.got ?? [])]
      if (lieCase.leak === 'success') expect(shown).toEqual(right)
      else expect(shown, JSON.stringify([shown, right]).slice(0, 400)).not.toEqual(right)
    }
  }
}

/** Whether the leak is told from what an honest server gives, which is then asked too: the control of the case. */
export function needsHonest({ leak }: LieCase): boolean {
  return leak === 'success' || leak === 'wrong answer'
}

/** The control: with nobody lying the same command does its work. */
export function expectHonest({ result, trapped }: Attempt): void {
  expect({ code: result.code, stderr: result.stderr }).toMatchObject({ code: 0 })
  expect(trapped).toEqual([])
}
