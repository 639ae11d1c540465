import { createHash } from 'node:crypto'
import { Agent } from 'node:http'
import { Agent as SecureAgent } from 'node:https'
import { HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { BlobStoreError } from '../../ports/index.ts'
import { withDeadline } from '../deadline.ts'
import { bucketError, isConflict } from './s3-errors.ts'

export interface S3Options {
  readonly bucket: string
  /** Beginning of every key: empty, or ending in a slash. */
  readonly prefix: string
  /** Origin of a store that is not AWS's own; null for that. */
  readonly endpoint: string | null
  /** null: as the environment says. */
  readonly region: string | null
  readonly forcePathStyle: boolean
  /** Entries of one answer to a list, at most 1,000 (the default). */
  readonly pageSize?: number
  /** How long the store may be silent, and a request may take with its repetitions; 15 s and 30 s unless given. */
  readonly patience?: { readonly silenceMs: number; readonly requestMs: number }
}

/** What a store does, as far as others do not. */
export interface BucketFeatures {
  /** Compares SHA-256 checksums while it receives, and keeps them. */
  readonly keepsChecksums: boolean
  /** ETags of objects that were sent as a whole are the MD5 of their bytes. */
  readonly etagIsMd5: boolean
}

/** Connections to the store, which are kept. */
export interface Agents {
  readonly httpAgent: Agent
  readonly httpsAgent: SecureAgent
}

export interface Bucket {
  readonly client: S3Client
  readonly agents: Agents
  readonly name: string
  readonly features: BucketFeatures
  readonly pageSize: number
  /** Silence in the middle of an answer after which it counts as lost. */
  readonly silenceMs: number
  /** Runs one request; whatever it throws becomes a BlobStoreError. */
  ask<T>(request: (options: { abortSignal: AbortSignal }) => Promise<T>, deadlineMs?: number): Promise<T>
  /** Writes an object unless there is one of that key; false where there is. */
  putOnce(key: string, bytes: Uint8Array): Promise<boolean>
  /** Resolves when objects can be written; writes none once there is one. */
  probe(): Promise<void>
}

const PATIENCE = { silenceMs: 15_000, requestMs: 30_000 }
const CONFLICTS = 5
const PROBE = Buffer.from('Strongroom was here.\n')

/** Reason: the SDK prints to the console unless told otherwise, and what it prints may name keys. */
const silent = () => undefined
const SILENT = { trace: silent, debug: silent, info: silent, warn: silent, error: silent }

export const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

function connect({ endpoint, region, forcePathStyle, patience = PATIENCE }: S3Options, agents: Agents): S3Client {
  return new S3Client({
    ...(endpoint === null ? {} : { endpoint }),
    ...(region === null ? {} : { region }),
    forcePathStyle,
    // Reason: the SDK's default sends checksums in a way that stores other than AWS refuse; here they are given.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    followRegionRedirects: false,
    maxAttempts: 3,
    logger: SILENT,
    requestHandler: {
      connectionTimeout: 3_000,
      requestTimeout: patience.silenceMs,
      throwOnRequestTimeout: true,
      ...agents,
    },
  })
}

/**
 * Opens a bucket with the credentials of the environment, as every AWS program finds them, and finds out what it can.
 *
 * @throws BlobStoreError with one line for the operator
 */
export async function openBucket(options: S3Options): Promise<Bucket> {
  const { bucket: name } = options
  const kept = { keepAlive: true, maxSockets: 128 }
  const agents = { httpAgent: new Agent(kept), httpsAgent: new SecureAgent(kept) }
  const client = connect(options, agents)
  const probeKey = `${options.prefix}named/write-once-probe`

  const { silenceMs, requestMs } = options.patience ?? PATIENCE
  const ask: Bucket['ask'] = (request, deadlineMs = requestMs) =>
    withDeadline(deadlineMs, (abortSignal) => request({ abortSignal })).catch((error: unknown) => {
      throw bucketError(error)
    })

  async function putOnce(key: string, bytes: Uint8Array): Promise<boolean> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await ask((settings) =>
          client.send(
            new PutObjectCommand({
              Bucket: name,
              Key: key,
              Body: bytes,
              ContentLength: bytes.length,
              ContentType: 'application/octet-stream',
              ChecksumSHA256: base64(createHash('sha256').update(bytes).digest()),
              IfNoneMatch: '*',
            }),
            settings,
          ),
        )
        return true
      } catch (error) {
        if (!(error instanceof BlobStoreError)) throw error
        if (error.code === 'exists') return false
        if (!isConflict(error.cause) || attempt >= CONFLICTS) throw error
      }
    }
  }

  async function findFeatures(): Promise<BucketFeatures> {
    // Invariant: write-once, of objects and of the login setup, is the store's to hold; one that doesn't is not used.
    if ((await putOnce(probeKey, PROBE)) && (await putOnce(probeKey, PROBE))) {
      throw new BlobStoreError(
        'unavailable',
        'The store of BLOB_URL ignores If-None-Match, so that objects could be overwritten: use another (see docs/storage.md).',
      )
    }
    const head = await ask((settings) =>
      client.send(new HeadObjectCommand({ Bucket: name, Key: probeKey, ChecksumMode: 'ENABLED' }), settings),
    )
    return {
      keepsChecksums: head.ChecksumSHA256 !== undefined,
      etagIsMd5: bareEtag(head.ETag) === createHash('md5').update(PROBE).digest('hex'),
    }
  }

  try {
    await client.config.region().catch((cause: unknown) => {
      throw new BlobStoreError('unavailable', 'BLOB_URL names no region: add ?region=, or set AWS_REGION.', { cause })
    })
    const features = await findFeatures()
    return {
      client,
      agents,
      name,
      features,
      pageSize: options.pageSize ?? 1000,
      silenceMs,
      ask,
      putOnce,
      probe: async () => void (await putOnce(probeKey, PROBE)),
    }
  } catch (error) {
    client.destroy()
    throw error
  }
}

/** An ETag without the quotes that some answers and clients put around it. */
export function bareEtag(etag: string | undefined): string {
  return (etag ?? '').replace(/^"(.*)"$/, '$1')
}
