import { fileURLToPath } from 'node:url'

/** The blob store that BLOB_URL names. */
export type BlobAddress = { readonly kind: 'file'; readonly folder: string } | BucketAddress

export interface BucketAddress {
  readonly kind: 's3'
  readonly bucket: string
  /** Beginning of every key: empty, or ending in a slash. */
  readonly prefix: string
  /** Origin of a store that is not AWS's own; null for that. */
  readonly endpoint: string | null
  /** null: as the environment of AWS programs says. */
  readonly region: string | null
  /** Whether the bucket stands in the path of addresses, not in their host name. */
  readonly forcePathStyle: boolean
}

/** What is wrong with a BLOB_URL, as the end of a sentence that begins with the variable's name. */
export class BlobUrlError extends Error {}

const FORMS = 'must be file:///path or s3://BUCKET/PREFIX?endpoint=https://…&region=…&forcePathStyle=true'
const PARAMETERS = ['endpoint', 'region', 'forcePathStyle']
/** What S3 itself and its older or looser relatives take. */
const BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$/
const PREFIX = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/
const LONGEST_PREFIX = 200
/** For stores that have no regions: the one that every client may name. */
const NO_REGION = 'us-east-1'

/** @throws BlobUrlError, which never repeats what was given */
export function parseBlobUrl(text: string): BlobAddress {
  const scheme = /^([a-z0-9]+):/i.exec(text)?.[1]?.toLowerCase()
  switch (scheme) {
    case 'file':
      return { kind: 'file', folder: localPath(text) }
    case 's3':
      return parseBucket(text)
    default:
      throw new BlobUrlError(FORMS)
  }
}

function localPath(text: string): string {
  const refusal = new BlobUrlError('must be a file: URL with an absolute path')
  // Reason: `URL` makes an absolute path of whatever stands there.
  if (!/^file:\/\//i.test(text)) throw refusal
  try {
    return fileURLToPath(text)
  } catch {
    throw refusal
  }
}

// Reason: `URL` would change the case of a bucket's name, and refuse some that stores take.
function parseBucket(text: string): BucketAddress {
  const match = /^s3:\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/i.exec(text)
  if (match === null) throw new BlobUrlError(FORMS)
  const [, bucket = '', path = '', query = ''] = match
  if (/[@:]/.test(bucket)) {
    throw new BlobUrlError(
      'must hold no credentials and no host: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or whatever AWS programs read, name the one, ?endpoint= the other',
    )
  }
  if (!BUCKET.test(bucket) || bucket.includes('..')) throw new BlobUrlError('has a bucket name that no store takes')
  const prefix = path.replace(/\/$/, '')
  if (prefix !== '' && (!PREFIX.test(prefix) || prefix.length > LONGEST_PREFIX)) {
    throw new BlobUrlError(
      `has a prefix that is not made of names of letters, digits, ., _ and - between slashes, at most ${LONGEST_PREFIX} characters`,
    )
  }
  const parameters = readParameters(query)
  const endpoint = readEndpoint(parameters.get('endpoint'))
  return {
    kind: 's3',
    bucket,
    prefix: prefix === '' ? '' : `${prefix}/`,
    endpoint,
    region: readRegion(parameters.get('region')) ?? (endpoint === null ? null : NO_REGION),
    forcePathStyle: readSwitch(parameters.get('forcePathStyle')),
  }
}

function readParameters(query: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(query)) {
    if (!PARAMETERS.includes(name) || found.has(name)) {
      throw new BlobUrlError(`has a parameter other than ${PARAMETERS.join(', ')}, or one twice`)
    }
    found.set(name, value)
  }
  return found
}

function readEndpoint(text: string | undefined): string | null {
  if (text === undefined) return null
  const url = URL.canParse(text) ? new URL(text) : null
  const isOrigin =
    url !== null && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.search === '' && url.hash === ''
  if (!isOrigin || url.username !== '' || url.password !== '') {
    throw new BlobUrlError('has an endpoint that is not an http: or https: URL of nothing but a host and a port')
  }
  return url.origin
}

function readRegion(text: string | undefined): string | null {
  if (text === undefined) return null
  if (!/^[A-Za-z0-9-]{1,63}$/.test(text))
    throw new BlobUrlError('has a region that is not made of letters, digits and -')
  return text
}

function readSwitch(text: string | undefined): boolean {
  if (text === undefined || text === 'false') return false
  if (text === 'true') return true
  throw new BlobUrlError('has a forcePathStyle that is neither true nor false')
}
