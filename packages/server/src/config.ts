import { isIP } from 'node:net'
import path from 'node:path'
import { z } from 'zod'
import { type BlobAddress, BlobUrlError, parseBlobUrl } from './blob-url.ts'
import { parseAddress } from './http-address.ts'
import { type KeyServiceAddress, KmsUrlError, parseKmsUrl } from './kms-url.ts'

const DEFAULT_QUOTA_BYTES = 2 ** 40
const MOST_DAYS = 3_650
const DAY_MS = 24 * 60 * 60 * 1000

function wholeNumber(min: number, max: number) {
  return z
    .string()
    .regex(/^\d{1,16}$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.number().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`))
}

function url(protocols: readonly string[], hint: string) {
  return z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), hint)
}

function isAddressRange(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/')
  const family = isIP(address)
  if (family === 0 || rest.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
}

/** The environment variables of the server; descriptions become `docs/configuration.md`. */
export const CONFIG = z.object({
  PORT: wholeNumber(0, 65_535).default(8787).describe('Port to listen on; 0 takes a free one.'),
  HOST: z.string().min(1, 'must not be empty').default('127.0.0.1').describe('Address to listen on; 0.0.0.0 for all.'),
  STRONGROOM_DATA: z
    .string()
    .min(1, 'must not be empty')
    .default('./data')
    .transform((folder) => path.resolve(folder))
    .describe('Folder for the embedded database, blobs and key file.'),
  DATABASE_URL: url(['postgres:', 'postgresql:'], 'must be a URL like postgres://user@host/database')
    .optional()
    .describe(
      'PostgreSQL 14 or newer (see [postgresql.md](postgresql.md)); without it an embedded PostgreSQL runs in the data folder.',
    ),
  DATABASE_POOL: wholeNumber(4, 1_000)
    .default(16)
    .describe('Connections to the database that this server opens at most; one more carries signals between servers.'),
  BLOB_URL: z
    .string()
    .transform(blobStore)
    .optional()
    .describe(
      'Where the encrypted blobs lie: a folder, as `file:///path`, or a bucket, as `s3://BUCKET/PREFIX?endpoint=https://…&region=…&forcePathStyle=true` (see [storage.md](storage.md)); by default the folder `blobs` in the data folder.',
    ),
  BLOB_TRANSFER: z
    .enum(['direct', 'proxy'], 'must be direct or proxy')
    .default('direct')
    .describe(
      'How the bytes of files reach a bucket: straight between it and the clients, or, where they cannot reach it, through this server. A folder is always served by this server.',
    ),
  KMS_URL: z
    .string()
    .transform(keyService)
    .optional()
    .describe(
      'Key service: `keyfile:///path`, `awskms://REGION/alias/NAME` or `pkcs11:token=NAME;object=LABEL?module-path=/path&pin-source=file:/path` (see [kms.md](kms.md)); by default the key file `keys.json` in the data folder. Data stay with the key service that they began with.',
    ),
  KMS_KEY_SCOPE: z
    .enum(['shared', 'per-user'], 'must be shared or per-user')
    .default('shared')
    .describe(
      'Whether accounts share one key of the key service, or get one each at their first upload. An account that has its own keeps it.',
    ),
  PUBLIC_URL: url(['http:', 'https:'], 'must be a URL like https://files.example.org')
    .refine((text) => /^[a-z]+:\/\/[^/?#]+\/?$/i.test(text), 'must have no path')
    .transform((text) => new URL(text).origin)
    .optional()
    .describe('Address at which clients reach this server; feeds the Origin check.'),
  TRUSTED_PROXIES: z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    )
    .refine((list) => list.every(isAddressRange), 'must be addresses or ranges like 10.0.0.0/8, separated by commas')
    .describe('Proxies whose X-Forwarded-For and X-Forwarded-Proto count: addresses or ranges, separated by commas.'),
  TLS_CERT: z.string().min(1, 'must not be empty').optional().describe('Certificate chain (PEM file) to serve HTTPS.'),
  TLS_KEY: z.string().min(1, 'must not be empty').optional().describe('Private key (PEM file) of the certificate.'),
  REGISTRATION: z
    .enum(['open', 'invite', 'closed'], 'must be open, invite or closed')
    .optional()
    .describe(
      'Who may make an account: anyone (open), whoever has a code of `strongroom admin invite` (invite), or nobody (closed); open by default if HOST is a loopback address, else closed.',
    ),
  QUOTA_BYTES: wholeNumber(0, Number.MAX_SAFE_INTEGER)
    .default(DEFAULT_QUOTA_BYTES)
    .describe('Bytes of ciphertext that an account may store.'),
  BLOB_GRACE_DAYS: wholeNumber(1, MOST_DAYS)
    .default(7)
    .describe('Days that content is kept after the last reference to it went; until then a commit can revive it.'),
  RESTORE_WINDOW_DAYS: wholeNumber(0, MOST_DAYS)
    .default(0)
    .describe(
      'Age in days of the oldest database backup that may be restored; lengthens the days of BLOB_GRACE_DAYS, so that such a database finds all its blobs.',
    ),
  UPLOAD_IDLE_DAYS: wholeNumber(1, MOST_DAYS)
    .default(7)
    .describe('Days without activity after which an upload that was not finished, or not committed, is dropped.'),
  LOGIN_ATTEMPTS_PER_MINUTE: wholeNumber(1, 1_000_000)
    .default(300)
    .describe('Requests to log in or register that one address may make in a minute.'),
  DRAIN_SECONDS: wholeNumber(0, 3_600)
    .default(0)
    .describe(
      'Seconds for which a server that is told to stop goes on serving, while /readyz answers 503, so that a balancer sees it before it takes no more connections.',
    ),
  METRICS_ADDRESS: z
    .string()
    .transform(metricsAddress)
    .optional()
    .describe(
      'Where `GET /metrics` is served for Prometheus, as `127.0.0.1:9464`; apart from PORT and to anyone who reaches it, so keep it off the public network. Without it there are no metrics.',
    ),
  LOG_LEVEL: z
    .enum(['silent', 'error', 'warn', 'info', 'debug'], 'must be silent, error, warn, info or debug')
    .default('info')
    .describe('Least severe lines that are logged.'),
})

/** Settings that hang together checked, and defaults that depend on others filled in. */
export interface Config {
  readonly port: number
  readonly host: string
  readonly dataDir: string
  /** null: embedded. */
  readonly databaseUrl: string | null
  /** Most connections of the pool. */
  readonly databasePool: number
  readonly blobs: BlobAddress
  /** Whether clients reach a bucket themselves. */
  readonly blobTransfer: 'direct' | 'proxy'
  readonly kms: KeyServiceAddress
  readonly keyScope: 'shared' | 'per-user'
  /** Origin, without a trailing slash. */
  readonly publicUrl: string | null
  readonly trustedProxies: readonly string[]
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null
  readonly registration: 'open' | 'invite' | 'closed'
  readonly quotaBytes: number
  readonly retention: { readonly graceMs: number; readonly uploadIdleMs: number }
  readonly loginAttemptsPerMinute: number
  readonly drainMs: number
  /** null: no metrics. */
  readonly metrics: { readonly host: string; readonly port: number } | null
  readonly logLevel: 'silent' | 'error' | 'warn' | 'info' | 'debug'
}

/** A setting that cannot be used; the message is one line and names the variable. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ConfigError'
  }
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

/**
 * Reads the settings from environment variables; empty ones count as not set.
 *
 * @throws ConfigError
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const parsed = CONFIG.safeParse(given)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw new ConfigError(`${String(issue?.path[0] ?? 'configuration')} ${issue?.message ?? 'is invalid'}`)
  }
  const values = parsed.data
  if ((values.TLS_CERT === undefined) !== (values.TLS_KEY === undefined)) {
    throw new ConfigError(`${values.TLS_CERT === undefined ? 'TLS_CERT' : 'TLS_KEY'} must be set too: HTTPS needs both`)
  }
  const { TLS_CERT: certFile, TLS_KEY: keyFile } = values
  return {
    port: values.PORT,
    host: values.HOST,
    dataDir: values.STRONGROOM_DATA,
    databaseUrl: values.DATABASE_URL ?? null,
    databasePool: values.DATABASE_POOL,
    blobs: values.BLOB_URL ?? { kind: 'file', folder: path.join(values.STRONGROOM_DATA, 'blobs') },
    blobTransfer: values.BLOB_TRANSFER,
    kms: values.KMS_URL ?? { kind: 'file', file: path.join(values.STRONGROOM_DATA, 'keys.json') },
    keyScope: values.KMS_KEY_SCOPE,
    publicUrl: values.PUBLIC_URL ?? null,
    trustedProxies: values.TRUSTED_PROXIES,
    tls: certFile === undefined || keyFile === undefined ? null : { certFile, keyFile },
    registration: values.REGISTRATION ?? (isLoopback(values.HOST) ? 'open' : 'closed'),
    quotaBytes: values.QUOTA_BYTES,
    retention: {
      // Invariant: a database that is set back within the restore window finds the objects that its rows count on.
      graceMs: Math.max(values.BLOB_GRACE_DAYS, values.RESTORE_WINDOW_DAYS) * DAY_MS,
      uploadIdleMs: values.UPLOAD_IDLE_DAYS * DAY_MS,
    },
    loginAttemptsPerMinute: values.LOGIN_ATTEMPTS_PER_MINUTE,
    drainMs: values.DRAIN_SECONDS * 1000,
    metrics: values.METRICS_ADDRESS ?? null,
    logLevel: values.LOG_LEVEL,
  }
}

function metricsAddress(text: string, context: z.RefinementCtx): { host: string; port: number } {
  const address = parseAddress(text)
  if (address !== null) return address
  context.addIssue({ code: 'custom', message: 'must be an address and port like 127.0.0.1:9464' })
  return z.NEVER
}

/** The address that a KMS_URL names, or why it is none. */
function keyService(text: string, context: z.RefinementCtx): KeyServiceAddress {
  try {
    return parseKmsUrl(text)
  } catch (error) {
    if (!(error instanceof KmsUrlError)) throw error
    context.addIssue({ code: 'custom', message: error.message })
    return z.NEVER
  }
}

/** The address that a BLOB_URL names, or why it is none. */
function blobStore(text: string, context: z.RefinementCtx): BlobAddress {
  try {
    return parseBlobUrl(text)
  } catch (error) {
    if (!(error instanceof BlobUrlError)) throw error
    context.addIssue({ code: 'custom', message: error.message })
    return z.NEVER
  }
}
