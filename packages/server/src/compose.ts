import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { ADMIN_OPERATIONS } from './admin/operations.ts'
import { serveAdmin } from './admin/serve.ts'
import { adminDeps } from './compose-admin.ts'
import { migrateDatabase, openDatabase } from './compose-database.ts'
import { openMetrics } from './compose-metrics.ts'
import { basics, type Opened, opened, openServices, openStore } from './compose-services.ts'
import { type Config, ConfigError, isLoopback } from './config.ts'
import { requireDatabaseOfBlobs, requireNoRestore } from './data-folder.ts'
import { openSignals } from './database/signals.ts'
import { headWatch } from './domain/commits/head-watch.ts'
import { type JobRunner, jobRunner } from './domain/jobs/runner.ts'
import { serverJobs } from './domain/jobs/server-jobs.ts'
import { keyJobs } from './domain/keys/key-jobs.ts'
import { uploadPreparation } from './domain/keys/upload-preparation.ts'
import { createApp } from './http/app.ts'
import { readWebApp } from './http/web-app.ts'
import { makeFolder } from './make-folder.ts'
import type { Logger } from './ports/index.ts'

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

export interface StartOptions {
  /** Folder of the built web app; without one a page at `/` says how to begin. */
  readonly webFolder?: string | undefined
}

/**
 * Starts a server: adapters as the settings name them, schema, setup, HTTP.
 *
 * @throws Error with one line that says what to do; everything opened until then is closed again
 */
export async function startServer(config: Config, options: StartOptions = {}): Promise<RunningServer> {
  const resources = opened()
  try {
    return await start(config, resources, options)
  } catch (error) {
    await resources.closeAll()
    throw error
  }
}

async function start(config: Config, resources: Opened, { webFolder }: StartOptions): Promise<RunningServer> {
  const foundation = basics(config)
  const { logger, clock, random } = foundation
  const tls = await readTls(config)
  await makeFolder(config.dataDir, 0o700)
  await requireNoRestore(config)
  await requireDatabaseOfBlobs(config, openStore)

  const opening = await openDatabase(config, resources, logger)
  await migrateDatabase(opening)
  const { database, connection, poolState, failed } = opening
  const signals = openSignals(database, connection)
  resources.push(() => signals.close())
  const heads = headWatch(signals)
  let draining = false
  const isDraining = () => draining
  const meter = await openMetrics(config, resources, { poolState, heads, signals, isDraining })
  const services = await openServices(config, resources, { ...foundation, database, meter })
  const { keys, setup, store, served, outer } = services
  const keyDeps = { database, keys, clock, random, store, outerKeys: outer }

  const app = createApp({
    database,
    store,
    served,
    keys,
    clock,
    random,
    logger,
    meter,
    setup,
    outerKeys: outer,
    heads,
    prepareUpload: uploadPreparation(keyDeps, config.keyScope),
    quotaBytes: config.quotaBytes,
    registration: config.registration,
    attemptsPerMinute: config.loginAttemptsPerMinute,
    publicUrl: config.publicUrl,
    trustedProxies: config.trustedProxies,
    tls,
    web: webFolder === undefined ? null : await readWebApp(webFolder),
    isDraining,
  })
  const { retention } = config
  const jobs = jobRunner(
    { database, clock, random, logger, meter },
    serverJobs({ database, store, clock, retention, logger, setup }),
  )
  resources.push(repeat(JOBS_MS, jobs))
  // Apart from the others, which must not wait for a rotation of many accounts.
  resources.push(repeat(JOBS_MS, jobRunner({ database, clock, random, logger, meter }, keyJobs(keyDeps))))
  resources.push(async () => {
    const deadline = setTimeout(() => app.server.closeAllConnections(), DRAIN_MS)
    await app.close()
    clearTimeout(deadline)
  })
  await app.listen({ port: config.port, host: config.host })
  if (config.databaseUrl === null) {
    const deps = adminDeps(config, { ...foundation, database }, services)
    resources.push(await serveOperators({ dataDir: config.dataDir, operations: ADMIN_OPERATIONS, deps }))
  }
  warnAboutPlainHttp(config, logger)
  warnAboutPlainStore(config, store.origins, logger)

  const stop = async (): Promise<void> => {
    draining = true
    // Until a balancer has seen it, requests are served as ever.
    await delay(config.drainMs)
    heads.close()
    await resources.closeAll()
  }
  let closing: Promise<void> | null = null
  return {
    url: addressOf(config, app.addresses()[0]),
    failed,
    close: () => {
      closing ??= stop()
      return closing
    },
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

/** The admin socket. A file system that takes none costs operators their verbs, not users their files. */
async function serveOperators(input: Parameters<typeof serveAdmin>[0]): Promise<() => Promise<void>> {
  try {
    return await serveAdmin(input)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (typeof code !== 'string') throw error
    input.deps.logger.warn({ code }, 'the data folder takes no socket: "strongroom admin" will not reach this server')
    return async () => undefined
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

function warnAboutPlainStore(config: Config, origins: readonly string[], logger: Logger): void {
  const isSecure = config.tls !== null || config.publicUrl?.startsWith('https:') === true
  if (!isSecure || !origins.some((origin) => origin.startsWith('http:'))) return
  logger.warn(
    {},
    'the endpoint of BLOB_URL is plain HTTP while pages are served by HTTPS: browsers will not reach it; give it TLS, or set BLOB_TRANSFER=proxy',
  )
}

function addressOf(config: Config, address: AddressInfo | string | undefined): string {
  if (typeof address === 'string') return address
  const scheme = config.tls === null ? 'http' : 'https'
  const everywhere = address === undefined || address.address === '0.0.0.0' || address.address === '::'
  const host = everywhere ? 'localhost' : address.family === 'IPv6' ? `[${address.address}]` : address.address
  return `${scheme}://${host}:${address?.port ?? config.port}`
}
