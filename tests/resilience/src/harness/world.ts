import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CliDevice, type CliResult } from '../../../dev-env/cli.ts'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { bytesFrom } from '../../../e2e/src/journeys/seeded-bytes.ts'
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts'

export const MIB = 1024 * 1024
/** Of the account in a world. */
export const LOGIN = 'resilience@example.org'

/** A server that can be killed, a proxy before it, one signed-in device, and a folder for its files. */
export interface World extends AsyncDisposable {
  readonly device: CliDevice
  readonly proxy: FaultProxy
  readonly folder: string
  readonly server: DevServer
  /** kill -9, then a new process on the same data and port. */
  killServer(): Promise<void>
  /** Waits for a server that `killServer` is starting. */
  serverIsUp(): Promise<void>
  /** Runs a command that `kill` ends with kill -9; resolves when it has ended, killed or not. */
  runUntilKilled(
    parameters: readonly string[],
    input?: Uint8Array | string,
  ): { readonly ended: Promise<CliResult>; kill(): void }
  /** Makes a file of seeded bytes; returns its path. */
  file(name: string, seed: number, size: number): Promise<string>
}

/** @param env - settings of the server */
export async function openWorld(env: Readonly<Record<string, string>> = {}): Promise<World> {
  const dataDir = await mkdtemp(join(tmpdir(), 'strongroom-resilience-data-'))
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-resilience-'))
  let server = await startDevServer({ dataDir, env })
  const port = Number(new URL(server.url).port)
  const proxy = await startFaultProxy(server.url)
  const device = await CliDevice.create(proxy.url)
  await device.register(LOGIN)
  let starting: Promise<void> = Promise.resolve()
  return {
    device,
    proxy,
    folder,
    get server() {
      return server
    },
    async killServer() {
      await server.kill9()
      starting = startDevServer({ dataDir, port, env }).then((started) => {
        server = started
      })
    },
    serverIsUp: () => starting,
    runUntilKilled(parameters, input = '') {
      let kill = () => {}
      const ended = device
        .run(parameters, {
          cwd: folder,
          input,
          onSpawn: (child) => {
            kill = () => child.kill('SIGKILL')
          },
        })
        .then(async (result) => {
          await ageLocks(device.home)
          return result
        })
      return { ended, kill: () => kill() }
    },
    async file(name, seed, size) {
      await writeFile(join(folder, name), bytesFrom(seed, size))
      return join(folder, name)
    },
    async [Symbol.asyncDispose]() {
      await starting.catch(() => undefined)
      await proxy[Symbol.asyncDispose]()
      await server.stop()
      await device[Symbol.asyncDispose]()
      for (const path of [dataDir, folder]) await rm(path, { recursive: true, force: true })
    },
  }
}

/** Lets locks of killed processes seem old: as if the seconds had passed after which they count as such. */
export async function ageLocks(home: string): Promise<void> {
  for (const name of await readdir(home, { recursive: true })) {
    if (name.endsWith('.lock')) await utimes(join(home, name), 0, 0).catch(() => undefined)
  }
}

export async function hashOf(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex')
}

/** Bytes of parts that went to the server since `forget`. */
export function partBytes(proxy: FaultProxy): number {
  return proxy.passed.filter(isPart).reduce((sum, { sent }) => sum + sent, 0)
}

export function isPart({ method, path }: { method: string; path: string }): boolean {
  return method === 'PUT' && path.startsWith('/v1/store/parts')
}

/** A request of this method for a path that matches. */
export function route(method: string, path: RegExp): (request: { method: string; path: string }) => boolean {
  return (request) => request.method === method && path.test(request.path)
}

export const ROUTE = {
  reserve: route('POST', /^\/v1\/blobs$/),
  parts: route('POST', /^\/v1\/blobs\/parts$/),
  part: isPart,
  complete: route('POST', /^\/v1\/blobs\/complete$/),
  commit: route('POST', /^\/v1\/vaults\/[^/]+\/commits$/),
  open: route('POST', /^\/v1\/blobs\/open$/),
  object: route('GET', /^\/v1\/store\/objects/),
}

/** Names at the top of the vault. */
export async function listed(world: World, path = '/'): Promise<Map<string, number>> {
  const { stdout } = await world.device.ok(['ls', '--json', path])
  const entries = JSON.parse(stdout.toString('utf8')) as { name: string; size: number }[]
  return new Map(entries.map(({ name, size }) => [name, size]))
}

/** Downloads everything and compares it with what was acknowledged, hash by hash. */
export async function expectAll(world: World, acknowledged: ReadonlyMap<string, string>): Promise<string[]> {
  const target = join(world.folder, '.everything')
  await rm(target, { recursive: true, force: true })
  await mkdir(target)
  const problems: string[] = []
  if (acknowledged.size > 0) await world.device.ok(['get', '-r', '/', target])
  for (const [name, hash] of acknowledged) {
    const found = await hashOf(join(target, name)).catch(() => 'nothing')
    if (found !== hash) problems.push(`${name}: ${found}`)
  }
  await rm(target, { recursive: true, force: true })
  return problems
}
