import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type DevServer, startDevServer } from '../server.ts'
import { type Balancer, startBalancer } from './balancer.ts'
import { freePort } from './free-port.ts'

const ATTEMPTS = 5

export interface ClusterOptions {
  /** Two unless told. */
  readonly servers?: number
  /** `DATABASE_URL`: servers share nothing but what these three name. */
  readonly database: string
  /** `BLOB_URL`; a folder of its own unless given. */
  readonly blobs?: string
  /** `KMS_URL`; a key file of its own unless given. */
  readonly kms?: string
  /** More settings of every server. */
  readonly env?: Readonly<Record<string, string>>
}

export interface ClusterServer {
  /** Without the balancer. */
  readonly url: string
  readonly pid: number
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>
  /** Starts it again on the same port; resolves once the balancer sends requests to it. */
  restart(): Promise<void>
  /** What it has printed since its last start. */
  logs(): string
}

export interface Cluster extends AsyncDisposable {
  /** Of the balancer. */
  readonly url: string
  readonly servers: readonly ClusterServer[]
  /** What every server was started with. */
  readonly env: Readonly<Record<string, string>>
  /** Stops servers and balancer and removes their folders; the database stays. */
  close(): Promise<void>
}

/** Servers as processes of their own behind haproxy, sharing nothing but database, blobs and key service. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const folder = await mkdtemp(path.join(tmpdir(), 'strongroom-cluster-'))
  const count = options.servers ?? 2
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const env = {
    DATABASE_URL: options.database,
    BLOB_URL: options.blobs ?? `file://${folder}/blobs`,
    KMS_URL: options.kms ?? `keyfile://${folder}/keys.json`,
    PUBLIC_URL: url,
    TRUSTED_PROXIES: '127.0.0.1',
    ...options.env,
  }
  const running: DevServer[] = []
  let balancer: Balancer | null = null

  const close = async (): Promise<void> => {
    await balancer?.close()
    await Promise.all(running.map((server) => server.stop()))
    await rm(folder, { recursive: true, force: true })
  }

  const startOne = async (index: number, ownPort?: number): Promise<DevServer> => {
    for (let attempt = 1; ; attempt += 1) {
      const at = ownPort ?? (await freePort())
      try {
        return await startDevServer({ dataDir: path.join(folder, `server-${index}`), port: at, env })
      } catch (error) {
        if (attempt === ATTEMPTS || !/is in use/.test(String(error))) throw error
      }
    }
  }

  try {
    // At once, as a deployment does: one of them makes schema, setup and keys, and the others find them.
    const started = await Promise.allSettled(Array.from({ length: count }, (_, index) => startOne(index)))
    for (const result of started) if (result.status === 'fulfilled') running.push(result.value)
    for (const result of started) if (result.status === 'rejected') throw result.reason
    balancer = await startBalancer({ port, servers: running.map((server) => Number(new URL(server.url).port)) })
  } catch (error) {
    await close()
    throw error
  }
  const { awaitUp } = balancer
  const ended = new Set<number>()
  const current = (index: number): DevServer => {
    const server = running[index]
    if (server === undefined) throw new Error('there is no such server')
    return server
  }
  const servers = running.map(
    (first, index): ClusterServer => ({
      url: first.url,
      get pid() {
        return current(index).pid
      },
      async kill() {
        ended.add(index)
        await current(index).kill9()
      },
      async stop() {
        ended.add(index)
        return current(index).stop()
      },
      async restart() {
        await this.stop()
        running[index] = await startOne(index, Number(new URL(first.url).port))
        ended.delete(index)
        await awaitUp(() => count - ended.size)
      },
      logs: () => current(index).logs(),
    }),
  )
  return { url, servers, env, close, [Symbol.asyncDispose]: close }
}
