import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import type pg from 'pg'
import { pino } from 'pino'
import { type Config, ConfigError, isLoopback } from './config.ts'
import { requireDatabaseOfBlobs } from './data-folder.ts'
import { connectDatabase } from './database/connect.ts'
import { migrate } from './database/migrate.ts'
import { openSignals } from './database/signals.ts'
import type { Database } from './database/tables.ts'
import { headWatch } from './domain/commits/head-watch.ts'
import { type JobRunner, jobRunner } from './domain/jobs/runner.ts'
import { serverJobs } from './domain/jobs/server-jobs.ts'
import { outerKeys } from './domain/keys/outer-keys.ts'
import { loadServerSetup } from './domain/keys/server-setup.ts'
import { createApp } from './http/app.ts'
import { servedStore } from './http/served-store.ts'
import { storeUrls } from './http/store-urls.ts'
import { makeFolder } from './make-folder.ts'
import type { Clock, Logger, Random } from './ports/index.ts'

const DRAIN_MS = 30_000
/** How often a server looks for jobs that are due. */
const JOBS_MS = 30_000

export interface RunningServer {
  /** Address on which it listens. */
  readonly url: string
  /** Resolves, with one line, if the server can't go on: its embedded database ended. */
  readonly failed: Promise<string>
  /** Lets running requests end, then closes the pool and, last, the embedded database. Repeating it is harmless. */
  close(): Promise<void>
}

/** What has been opened, closed in reverse. */
interface Opened {
  push(...closers: (() => Promise<void>)[]): void
  closeAll(): Promise<void>
}

function opened(): Opened {
  const closers: (() => Promise<void>)[] = []
  return {
    push: (...more) => void closers.push(...more),
    async closeAll() {
      for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close()
    },
  }
}

/**
 * Starts a server: adapters as the settings name them, schema, setup, HTTP.
 *
 * @throws Error with one line that says what to do; everything opened until then is closed again
 */
export async function startServer(config: Config): Promise<RunningServer> {
  const resources = opened()
  try {
    return await start(config, resources)
  } catch (error) {
    await resources.closeAll()
    throw error
  }
}

async function start(config: Config, resources: Opened): Promise<RunningServer> {
  const logger: Logger = pino({ level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime })
  const clock: Clock = { nowMs: () => Date.now() }
  const random: Random = { bytes: (length) => randomBytes(length) }
  const tls = await readTls(config)
  await makeFolder(config.dataDir, 0o700)
  await requireDatabaseOfBlobs(config)

  const { database, connection, failed } = await openDatabase(config, resources, logger)
  await migrate(database)
  const signals = openSignals(database, connection)
  resources.push(() => signals.close())
  const heads = headWatch(signals)
  const { openKeyFile } = await import('./adapters/kms/key-file.ts')
  const keys = await openKeyFile({ file: config.keyFile, clock })
  resources.push(() => keys.close())
  const { openFileStore } = await import('./adapters/blob/file-store.ts')
  const objects = await openFileStore(config.blobFolder)
  resources.push(() => objects.close())

  const setup = await loadServerSetup({ database, keys, objects, random })
  const urls = storeUrls(setup.urlKey, clock)
  const store = servedStore(objects, urls)
  const outer = outerKeys({ database, keys, clock, random })
  resources.push(async () => outer.clear())

  let draining = false
  const app = createApp({
    database,
    store,
    served: { objects, urls },
    keys,
    clock,
    random,
    logger,
    setup,
    outerKeys: outer,
    heads,
    quotaBytes: config.quotaBytes,
    registration: config.registration,
    attemptsPerMinute: config.loginAttemptsPerMinute,
    publicUrl: config.publicUrl,
    trustedProxies: config.trustedProxies,
    tls,
    isDraining: () => draining,
  })
  const { retention } = config
  const jobs = jobRunner(
    { database, clock, random, logger },
    serverJobs({ database, store, clock, retention, logger, setup }),
  )
  resources.push(repeat(JOBS_MS, jobs))
  resources.push(async () => {
    const deadline = setTimeout(() => app.server.closeAllConnections(), DRAIN_MS)
    await app.close()
    clearTimeout(deadline)
  })
  await app.listen({ port: config.port, host: config.host })
  warnAboutPlainHttp(config, logger)

  let closing: Promise<void> | null = null
  return {
    url: addressOf(config, app.addresses()[0]),
    failed,
    close: () => {
      draining = true
      heads.close()
      closing ??= resources.closeAll()
      return closing
    },
  }
}

async function openDatabase(
  config: Config,
  resources: Opened,
  logger: Logger,
): Promise<{ database: Database; connection: pg.ClientConfig; failed: Promise<string> }> {
  const onIdleError = () => logger.warn({}, 'a database connection broke')
  if (config.databaseUrl !== null) {
    const connection = { connectionString: config.databaseUrl }
    const database = connectDatabase(connection, onIdleError)
    resources.push(() => database.destroy())
    return { database, connection, failed: new Promise(() => undefined) }
  }
  const { startEmbeddedPostgres } = await import('./adapters/database/embedded.ts')
  const embedded = await startEmbeddedPostgres({ dataDir: config.dataDir })
  resources.push(() => embedded.close())
  const database = connectDatabase(embedded.connection, onIdleError)
  resources.push(() => database.destroy())
  return {
    database,
    connection: embedded.connection,
    failed: embedded.ended.then(() => 'the embedded PostgreSQL ended; see postgres.log in the data folder'),
  }
}

/** Runs jobs at once and then again and again; returns what stops them and waits for their end. */
function repeat(everyMs: number, jobs: JobRunner): () => Promise<void> {
  let running: Promise<void> | null = null
  const run = () => {
    running ??= jobs.runDue().finally(() => {
      running = null
    })
  }
  const timer = setInterval(run, everyMs)
  timer.unref()
  run()
  return async () => {
    clearInterval(timer)
    jobs.stop()
    await running
  }
}

async function readTls(config: Config): Promise<{ cert: Buffer; key: Buffer } | null> {
  if (config.tls === null) return null
  const read = (name: string, file: string) =>
    readFile(file).catch(() => {
      throw new ConfigError(`${name} names a file that cannot be read`)
    })
  const cert = await read('TLS_CERT', config.tls.certFile)
  const key = await read('TLS_KEY', config.tls.keyFile)
  // Reason: TLS itself names no variable, and takes a pair of different kinds without a word.
  const certificate = parsed('TLS_CERT', 'certificate', () => new X509Certificate(cert))
  const privateKey = parsed('TLS_KEY', 'private key', () => createPrivateKey(key))
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new ConfigError('TLS_KEY is not the key of the certificate in TLS_CERT')
  }
  return { cert, key }
}

function parsed<T>(name: string, what: string, parse: () => T): T {
  try {
    return parse()
  } catch {
    throw new ConfigError(`${name} holds no ${what} in PEM form that can be used`)
  }
}

function warnAboutPlainHttp(config: Config, logger: Logger): void {
  if (isLoopback(config.host) || config.tls !== null || config.publicUrl?.startsWith('https:') === true) return
  logger.warn(
    {},
    'plain HTTP beyond this machine: session tokens can be read on the way; set TLS_CERT and TLS_KEY, or PUBLIC_URL behind a TLS proxy',
  )
}

function addressOf(config: Config, address: AddressInfo | string | undefined): string {
  if (typeof address === 'string') return address
  const scheme = config.tls === null ? 'http' : 'https'
  const everywhere = address === undefined || address.address === '0.0.0.0' || address.address === '::'
  const host = everywhere ? 'localhost' : address.family === 'IPv6' ? `[${address.address}]` : address.address
  return `${scheme}://${host}:${address?.port ?? config.port}`
}
