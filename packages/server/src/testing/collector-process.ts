// A server's collector as a process of its own, for tests to kill: database URL, folder of blobs, time in milliseconds.
import { createSecretKey, randomBytes } from 'node:crypto'
import { openFileStore } from '../adapters/blob/file-store.ts'
import { connectDatabase } from '../database/connect.ts'
import { collectBlobs } from '../domain/blobs/collect.ts'
import { sweepStore } from '../domain/blobs/sweep.ts'
import { servedStore } from '../http/served-store.ts'
import { storeUrls } from '../http/store-urls.ts'
import type { Logger } from '../ports/index.ts'
import { RETENTION } from './collection.ts'

const [databaseUrl = '', folder = '', timeMs = ''] = process.argv.slice(2)
const silent = () => undefined
const logger: Logger = { debug: silent, info: silent, warn: silent, error: silent }
const clock = { nowMs: () => Number(timeMs) }
const database = connectDatabase({ connectionString: databaseUrl, max: 6 }, silent)
const store = servedStore(await openFileStore(folder), storeUrls(createSecretKey(randomBytes(32)), clock))
const deps = { database, store, clock, logger, retention: RETENTION }
const lease = { step: async () => undefined }
process.stdout.write('ready\n')
await collectBlobs(deps, lease)
await sweepStore(deps, lease)
await database.destroy()
