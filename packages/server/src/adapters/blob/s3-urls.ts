import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'

const UNSIGNED = 'UNSIGNED-PAYLOAD'
/** It moves into the query, where case counts: as the SDK itself writes it. */
const UNSIGNED_NAME = 'X-Amz-Content-Sha256'
const LONGEST_LIFE_MS = 5 * 60_000

export interface UrlRequest {
  readonly method: 'GET' | 'PUT'
  readonly key: string
  readonly query?: Readonly<Record<string, string>>
  /** Signed, and so to be sent exactly like this; names in lower case. */
  readonly headers?: Readonly<Record<string, string>>
  /** At most five minutes count. */
  readonly lifeMs: number
}

/** Presigned addresses of a bucket. */
export interface BucketUrls {
  /** Origin of all of them. */
  readonly origin: string
  sign(request: UrlRequest): Promise<string>
  /** The headers of a request of this server's own, and its address. */
  signHeaders(request: Omit<UrlRequest, 'lifeMs' | 'query'>): Promise<SignedRequest>
}

export interface SignedRequest {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

interface Signable {
  readonly method: string
  readonly protocol: string
  readonly hostname: string
  readonly port?: number
  readonly path: string
  readonly query: Record<string, string>
  readonly headers: Record<string, string>
}

interface Presigner {
  presign(
    request: Signable,
    options: {
      expiresIn: number
      signingDate: Date
      signableHeaders: Set<string>
      unhoistableHeaders: Set<string>
    },
  ): Promise<{ path: string; query?: Record<string, string | string[] | null> }>
  sign(request: Signable, options: { signingDate: Date }): Promise<{ headers: Record<string, string> }>
}

function isPresigner(signer: object): signer is Presigner {
  return 'presign' in signer && typeof signer.presign === 'function'
}

/**
 * Presigned addresses for keys that begin with `prefix`, which needs no encoding.
 *
 * Reason: the SDK's `getSignedUrl` forgets every header that it is not told to keep, states that the payload is
 * unsigned whatever the request says, and takes five times as long. It says here where the bucket's objects lie (in the
 * path or in the host name, as the SDK decides); the SDK's signer does the rest.
 */
export async function bucketUrls(client: S3Client, bucket: string, prefix: string): Promise<BucketUrls> {
  const sample = new URL(await getSignedUrl(client, new GetObjectCommand({ Bucket: bucket, Key: `${prefix}x` })))
  const folder = sample.pathname.slice(0, -1)
  const region = await client.config.region()
  const signer = await client.config.signer({
    name: 'sigv4',
    signingName: 's3',
    signingRegion: region,
    properties: {},
  })
  if (!isPresigner(signer)) throw new Error('the signer of the AWS SDK does not presign')
  const requestFor = (method: string, key: string, headers: Readonly<Record<string, string>>) => ({
    method,
    protocol: sample.protocol,
    hostname: sample.hostname,
    ...(sample.port === '' ? {} : { port: Number(sample.port) }),
    path: folder + key.slice(prefix.length),
    headers: { host: sample.host, ...headers },
  })
  // The SDK learns from answers by how much this machine's clock differs from the store's.
  const now = () => new Date(Date.now() + client.config.systemClockOffset)
  return {
    origin: sample.origin,
    async signHeaders({ method, key, headers = {} }) {
      const request = { ...requestFor(method, key, headers), query: {} }
      const signed = await signer.sign(request, { signingDate: now() })
      return { url: sample.origin + request.path, headers: signed.headers }
    },
    async sign({ method, key, query = {}, headers = {}, lifeMs }) {
      const signed = new Set(['host', ...Object.keys(headers)])
      const payload = headers['x-amz-content-sha256'] === undefined ? { [UNSIGNED_NAME]: UNSIGNED } : {}
      const request = { ...requestFor(method, key, { ...payload, ...headers }), query: { ...query } }
      const presigned = await signer.presign(request, {
        expiresIn: Math.max(1, Math.floor(Math.min(lifeMs, LONGEST_LIFE_MS) / 1000)),
        signingDate: now(),
        signableHeaders: signed,
        unhoistableHeaders: new Set(Object.keys(headers)),
      })
      return `${sample.origin}${presigned.path}?${queryText(presigned.query ?? {})}`
    },
  }
}

function queryText(query: Record<string, string | string[] | null>): string {
  return Object.entries(query)
    .flatMap(([name, value]) => [value ?? ''].flat().map((one) => `${escaped(name)}=${escaped(one)}`))
    .join('&')
}

/** As RFC 3986 has it, which signatures are made of. */
function escaped(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
}
