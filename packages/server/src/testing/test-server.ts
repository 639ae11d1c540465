import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { FastifyInstance } from 'fastify'
import { openFileStore } from '../adapters/blob/file-store.ts'
import { openKeyFile } from '../adapters/kms/key-file.ts'
import { connectDatabase } from '../database/connect.ts'
import { openSignals } from '../database/signals.ts'
import type { Database } from '../database/tables.ts'
import { type HeadWatch, headWatch } from '../domain/commits/head-watch.ts'
import { type OuterKeys, outerKeys } from '../domain/keys/outer-keys.ts'
import { loadServerSetup, type ServerSetup } from '../domain/keys/server-setup.ts'
import { NO_METER } from '../domain/metering/measure.ts'
import { type AppDeps, createApp } from '../http/app.ts'
import { servedStore } from '../http/served-store.ts'
import { type StoreUrls, storeUrls } from '../http/store-urls.ts'
import type { BlobStore, KeyManagement, LogFields, Logger, Random, ServedObjectStore, Signals } from '../ports/index.ts'
import { createTestDatabase, type TestDatabase } from './test-database.ts'

/** A clock that tests move. */
export interface TestClock {
  nowMs(): number
  advance(ms: number): void
}

export interface TestServer {
  readonly app: FastifyInstance
  readonly database: Database
  readonly databaseUrl: string
  readonly store: BlobStore
  /** Holds objects and keys. */
  readonly folder: string
  readonly objects: ServedObjectStore
  readonly keys: KeyManagement
  readonly urls: StoreUrls
  readonly setup: ServerSetup
  readonly outer: OuterKeys
  readonly heads: HeadWatch
  readonly signals: Signals
  readonly clock: TestClock
  readonly random: Random
  readonly logger: Logger
  /** What was logged: fields and message. */
  readonly logs: { fields: LogFields; message: string }[]
  close(): Promise<void>
}

export type TestServerOptions = Partial<
  Pick<
    AppDeps,
    | 'meter'
    | 'isDraining'
    | 'quotaBytes'
    | 'registration'
    | 'attemptsPerMinute'
    | 'publicUrl'
    | 'trustedProxies'
    | 'prepareUpload'
    | 'web'
  >
> & {
  /** A store that clients reach themselves, instead of a folder; whoever gives it closes it. */
  readonly bucket?: ServedObjectStore & BlobStore
  /** Wraps the store, to make it fail. */
  readonly wrapObjects?: (objects: ServedObjectStore) => ServedObjectStore
  /** Another server, whose database, objects, keys and clock this one shares. It has to be closed later. */
  readonly beside?: TestServer
  /** What happens to signals between servers. */
  readonly wrapSignals?: (signals: Signals) => Signals
  /** How long requests wait for newer heads. */
  readonly headWaitMs?: number
}

function testClock(): TestClock {
  let offsetMs = 0
  return {
    nowMs: () => Date.now() + offsetMs,
    advance: (ms) => {
      offsetMs += ms
    },
  }
}

function shared({ databaseUrl }: TestServer): TestDatabase {
  const database = connectDatabase({ connectionString: databaseUrl, max: 6 }, () => undefined)
  return { database, url: databaseUrl, drop: () => database.destroy() }
}

/** The real server over embedded adapters, not listening: ask it by `app.inject`. */
export async function createTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const { wrapObjects = (objects) => objects, wrapSignals = (signals) => signals, ...rest } = options
  const { beside, headWaitMs, bucket, ...settings } = rest
  const folder = await mkdtemp(path.join(tmpdir(), 'strongroom-server-'))
  const { database, drop, url: databaseUrl } = beside === undefined ? await createTestDatabase() : shared(beside)
  const clock = beside?.clock ?? testClock()
  const random = { bytes: (length: number) => randomBytes(length) }
  const keys = beside?.keys ?? (await openKeyFile({ file: path.join(folder, 'keys.json'), clock }))
  const objects = wrapObjects(beside?.objects ?? bucket ?? (await openFileStore(path.join(folder, 'blobs'))))
  const setup = await loadServerSetup({ database, keys, objects, random })
  const urls = storeUrls(setup.urlKey, clock)
  const store = bucket ?? servedStore(objects, urls)
  const outer = outerKeys({ database, keys, clock, random })
  const signals = wrapSignals(openSignals(database, { connectionString: databaseUrl }))
  const heads = headWatch(signals, headWaitMs)
  const logs: TestServer['logs'] = []
  const log = (fields: LogFields, message: string) => void logs.push({ fields, message })
  const logger: Logger = { debug: log, info: log, warn: log, error: log }
  const app = createApp({
    database,
    store,
    served: bucket === undefined ? { objects, urls } : null,
    keys,
    clock,
    random,
    logger,
    meter: NO_METER,
    setup,
    outerKeys: outer,
    heads,
    prepareUpload: async () => undefined,
    quotaBytes: 2 ** 40,
    registration: 'open',
    attemptsPerMinute: 100_000,
    publicUrl: null,
    trustedProxies: [],
    tls: null,
    web: null,
    isDraining: () => false,
    ...settings,
  })
  await app.ready()
  return {
    app,
    database,
    databaseUrl,
    store,
    folder,
    objects,
    keys,
    urls,
    setup,
    outer,
    heads,
    signals,
    clock,
    random,
    logger,
    logs,
    close: async () => {
      heads.close()
      await app.close()
      await signals.close()
      if (beside === undefined) {
        if (bucket === undefined) await objects.close()
        await keys.close()
      }
      await drop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
