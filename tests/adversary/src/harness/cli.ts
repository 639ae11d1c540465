import { spawn } from 'node:child_process'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type CliDevice, type CliResult, runCli } from '../../../dev-env/cli.ts'

export interface RunOptions {
  readonly home: string
  readonly server: string
  readonly password: string
  readonly env?: Record<string, string>
  /** A mutant's binary; the real one unless told. */
  readonly bin?: string
  readonly timeoutMs?: number
}

/** Runs the real command line, or a mutant of it in the same surroundings. */
export function run(parameters: readonly string[], options: RunOptions): Promise<CliResult> {
  const { bin, ...rest } = options
  return bin === undefined ? runCli(parameters, rest) : runMutant(bin, parameters, options)
}

function runMutant(bin: string, parameters: readonly string[], options: RunOptions): Promise<CliResult> {
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('STRONGROOM_')))
  const child = spawn(process.execPath, [bin, ...parameters], {
    cwd: tmpdir(),
    env: {
      ...clean,
      STRONGROOM_HOME: options.home,
      STRONGROOM_SERVER: options.server,
      STRONGROOM_PASSWORD: options.password,
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: options.timeoutMs ?? 60_000,
  })
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      resolve({ code, stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString('utf8') })
    })
  })
}

/** A copy of a device's profile, so that what a run learns or breaks stays with that run. */
export async function copyOfHome(
  device: CliDevice,
  options: { forget?: readonly string[] } = {},
): Promise<{ home: string } & AsyncDisposable> {
  const home = await mkdtemp(join(tmpdir(), 'strongroom-copy-'))
  await cp(device.home, home, { recursive: true })
  for (const name of options.forget ?? []) await rm(join(home, name), { recursive: true, force: true })
  return { home, [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }) }
}

/** An empty folder for downloads. */
export async function targetFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'strongroom-target-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** The command ended with this exit code and told it in one line. */
export function expectOneLine(result: CliResult, exitCode: number): void {
  expect({ code: result.code, stderr: result.stderr }).toEqual({
    code: exitCode,
    stderr: expect.stringMatching(/^strongroom: [^\n]{10,300}[.!?]\n$/),
  })
}

/** Stopped as tampering: exit code 5, one line, nothing on stdout, nothing at or beside the target. */
export async function expectStopped(result: CliResult, target: string): Promise<void> {
  expectOneLine(result, 5)
  expect(result.stdout.toString('utf8')).toBe('')
  expect(await readdir(target)).toEqual([])
}
