import { randomBytes } from 'node:crypto'
import { pino } from 'pino'
import type { BlobAddress } from './blob-url.ts'
import type { Config } from './config.ts'
import type { Database } from './database/tables.ts'
import { boundedKeys } from './domain/keys/bounded-keys.ts'
import { type OuterKeys, outerKeys } from './domain/keys/outer-keys.ts'
import { loadServerSetup, type ServerSetup } from './domain/keys/server-setup.ts'
import { measuredKeys, measuredStore, NO_METER } from './domain/metering/measure.ts'
import { servedStore } from './http/served-store.ts'
import { type StoreUrls, storeUrls } from './http/store-urls.ts'
import type { KeyServiceAddress } from './kms-url.ts'
import type { BlobStore, Clock, KeyManagement, Logger, Meter, Random, ServedObjectStore } from './ports/index.ts'

/** What has been opened, closed in reverse. */
export interface Opened {
  push(...closers: (() => Promise<void>)[]): void
  closeAll(): Promise<void>
}

export function opened(): Opened {
  const closers: (() => Promise<void>)[] = []
  return {
    push: (...more) => void closers.push(...more),
    async closeAll() {
      for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close()
    },
  }
}

/** What needs nothing opened. */
export interface Basics {
  readonly logger: Logger
  readonly clock: Clock
  readonly random: Random
}

export function basics(config: Pick<Config, 'logLevel'>): Basics {
  return {
    logger: pino({ level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime }),
    clock: { nowMs: () => Date.now() },
    random: { bytes: (length) => randomBytes(length) },
  }
}

/** Everything behind the ports, and what the domain makes of it. */
export interface Services {
  readonly keys: KeyManagement
  readonly setup: ServerSetup
  readonly store: BlobStore
  /** Set where clients reach the store through this server. */
  readonly served: { readonly objects: ServedObjectStore; readonly urls: StoreUrls } | null
  readonly outer: OuterKeys
}

/** The key service of KMS_URL; its adapter, and the vendor's code behind it, is loaded only now. */
export async function openKeys(address: KeyServiceAddress, clock: Clock): Promise<KeyManagement> {
  switch (address.kind) {
    case 'file': {
      const { openKeyFile } = await import('./adapters/kms/key-file.ts')
      return openKeyFile({ file: address.file, clock })
    }
    case 'aws': {
      quietAwsSdk()
      const { openAwsKms } = await import('./adapters/kms/aws.ts')
      return openAwsKms(address)
    }
    case 'pkcs11': {
      const { openPkcs11 } = await import('./adapters/kms/pkcs11.ts')
      return openPkcs11({ ...address, clock })
    }
  }
}

/** The store of BLOB_URL; its adapter, and the vendor's code behind it, is loaded only now. */
export async function openStore(address: BlobAddress): Promise<ServedObjectStore | (ServedObjectStore & BlobStore)> {
  switch (address.kind) {
    case 'file': {
      const { openFileStore } = await import('./adapters/blob/file-store.ts')
      return openFileStore(address.folder)
    }
    case 's3': {
      quietAwsSdk()
      const { openS3Store } = await import('./adapters/blob/s3.ts')
      return openS3Store(address)
    }
  }
}

/** Reason: it would print seven lines at every start on Node 20 about what this package's own pin settles. */
function quietAwsSdk(): void {
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
}

/** Opens key service, blob store and setup; the database has its schema by now. */
export async function openServices(
  config: Config,
  resources: Opened,
  deps: Basics & { database: Database; meter?: Meter },
): Promise<Services> {
  const { database, clock, random, meter = NO_METER } = deps
  const keys = boundedKeys(measuredKeys(await openKeys(config.kms, clock), meter))
  resources.push(() => keys.close())
  const objects = measuredStore(await openStore(config.blobs), meter)
  resources.push(() => objects.close())
  const setup = await loadServerSetup({ database, keys, objects, random })
  const urls = storeUrls(setup.urlKey, clock)
  const isDirect = 'presignGet' in objects && config.blobTransfer === 'direct'
  const store = isDirect ? objects : servedStore(objects, urls)
  const served = isDirect ? null : { objects, urls }
  const outer = outerKeys({ database, keys, clock, random })
  resources.push(async () => outer.clear())
  return { keys, setup, store, served, outer }
}
