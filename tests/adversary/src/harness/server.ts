import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'

const MAIN = fileURLToPath(new URL('../../../../apps/server/dist/main.js', import.meta.url))
const READY_MS = 60_000
const STOP_MS = 20_000

/** A real server process on a data folder of its own. */
export interface ServerProcess {
  readonly url: string
  readonly dataFolder: string
  /** A second, hostile pair of hands on its database. */
  readonly database: pg.Pool
  /** Everything that it printed so far. */
  output(): Buffer
  /** Ends the process and keeps the data folder. */
  stop(): Promise<void>
}

export interface ServerOptions {
  readonly dataFolder: string
  /** Name or address to listen on and to be reached by. */
  readonly host?: string
  readonly env?: Readonly<Record<string, string>>
}

/** An empty folder for a server's data, removed by `remove`. */
export async function dataFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'strongroom-data-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

/** Starts the built server and returns once it answers. */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const host = options.host ?? '127.0.0.1'
  const port = await freePort()
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('STRONGROOM_')))
  const child = spawn(process.execPath, [MAIN], {
    cwd: tmpdir(),
    env: {
      ...clean,
      STRONGROOM_DATA: options.dataFolder,
      HOST: host,
      PORT: String(port),
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const printed: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => printed.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => printed.push(chunk))
  const output = (): Buffer => Buffer.concat(printed)
  const url = `http://${host}:${port}`
  await waitUntilReady(child, url, output)
  const database = new pg.Pool({
    host: join(options.dataFolder, 'postgres/socket'),
    port: 5432,
    user: 'strongroom',
    database: 'strongroom',
    max: 2,
  })
  // Reason: stopping the server ends PostgreSQL under the pool's idle connections.
  database.on('error', () => undefined)
  return {
    url,
    dataFolder: options.dataFolder,
    database,
    output,
    async stop() {
      await database.end().catch(() => undefined)
      await stopProcess(child)
    },
  }
}

async function waitUntilReady(child: ChildProcess, url: string, output: () => Buffer): Promise<void> {
  const deadline = Date.now() + READY_MS
  while (Date.now() < deadline && child.exitCode === null) {
    const ready = await fetch(`${url}/readyz`).then(
      (response) => response.ok,
      () => false,
    )
    if (ready) return
    await delay(50)
  }
  await stopProcess(child)
  throw new Error(`the server did not become ready: ${output().toString('utf8').slice(-2000)}`)
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await ended
  clearTimeout(timer)
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
