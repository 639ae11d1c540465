import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { startDevServer } from '../../../dev-env/server.ts'

/** A real server process on a data folder of its own. */
export interface ServerProcess {
  readonly url: string
  readonly dataFolder: string
  /** A second, hostile pair of hands on its database. */
  readonly database: pg.Pool
  /** Everything that it printed so far. */
  output(): string
  /** Ends the process and keeps the data folder. */
  stop(): Promise<void>
}

export interface ServerOptions {
  readonly dataFolder: string
  /** Name or address to listen on and to be reached by. */
  readonly host?: string
  /** A free one unless given. */
  readonly port?: number
  readonly env?: Readonly<Record<string, string>>
}

/** An empty folder for a server's data, removed by `remove`. */
export async function dataFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'strongroom-data-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

/** Starts a server and opens its embedded database beside it. */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const host = options.host ?? '127.0.0.1'
  const server = await startDevServer({
    dataDir: options.dataFolder,
    env: { HOST: host, ...options.env },
    ...(options.port === undefined ? {} : { port: options.port }),
  })
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
    url: `http://${host}:${new URL(server.url).port}`,
    dataFolder: options.dataFolder,
    database,
    output: server.logs,
    async stop() {
      await database.end().catch(() => undefined)
      await server.stop()
    },
  }
}
