import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { CliDevice, type CliResult } from '../../../dev-env/cli.ts'
import { type DevServer, type DevServerOptions, startDevServer } from '../../../dev-env/server.ts'

/** A server, a signed-in device and a scratch folder for one test file. */
export interface Desk {
  readonly server: DevServer
  readonly device: CliDevice
  /** Local scratch folder; also where commands run. */
  readonly folder: string
  /** Runs a command in the scratch folder. */
  run(...parameters: string[]): Promise<CliResult>
  /** Runs a command that must end with 0, and gives its stdout. */
  ok(...parameters: string[]): Promise<string>
  /** Runs a command with `--json` that must end with 0, and gives what it says. */
  json<T>(...parameters: string[]): Promise<T>
  /** Puts a text as a remote file. */
  putText(path: string, text: string): Promise<void>
  /** Reads a remote file. */
  readText(path: string): Promise<string>
}

/** Sets up a desk for the test file that calls it. */
export function useDesk(options: DevServerOptions = {}): Desk {
  const closers: (() => Promise<unknown>)[] = []
  let server: DevServer
  let device: CliDevice
  let folder: string
  beforeAll(async () => {
    server = await startDevServer(options)
    closers.push(() => server.stop())
    device = await CliDevice.create(server.url)
    closers.push(() => device[Symbol.asyncDispose]())
    folder = await mkdtemp(join(tmpdir(), 'strongroom-desk-'))
    closers.push(() => rm(folder, { recursive: true, force: true }))
    await device.register('tester@example.org')
  })
  afterAll(async () => {
    for (const close of closers.reverse()) await close()
  })
  const ok = async (...parameters: string[]): Promise<string> =>
    (await device.ok(parameters, { cwd: folder })).stdout.toString('utf8')
  return {
    get server() {
      return server
    },
    get device() {
      return device
    },
    get folder() {
      return folder
    },
    run: (...parameters) => device.run(parameters, { cwd: folder }),
    ok,
    json: async <T>(...parameters: string[]) => JSON.parse(await ok('--json', ...parameters)) as T,
    putText: async (path, text) => {
      await device.ok(['put', '--quiet', '-', path], { input: text })
    },
    readText: (path) => ok('cat', path),
  }
}

/** An error as users should meet it: the code, and one line that ends like a sentence, without a stack. */
export function expectFailure(result: CliResult, code: number, line: RegExp): void {
  expect({ code: result.code, stderr: result.stderr }).toEqual({ code, stderr: expect.stringMatching(line) })
  expect(result.stderr).toMatch(/^strongroom: [^\n]+[.!]\n$/)
  expect(result.stderr).not.toMatch(/node:|\n\s+at |[A-Z]\w*Error/)
}
