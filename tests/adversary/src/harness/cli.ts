import type { ChildProcess } from 'node:child_process'
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
  readonly input?: string
  readonly timeoutMs?: number
  readonly onSpawn?: (child: ChildProcess) => void
}

/** Runs the real command line, or a mutant of it in the same surroundings. */
export function run(parameters: readonly string[], options: RunOptions): Promise<CliResult> {
  return runCli(parameters, { timeoutMs: 60_000, ...options })
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
