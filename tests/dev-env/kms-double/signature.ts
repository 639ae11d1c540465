import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { AwsError } from './errors.ts'

const WINDOW_MS = 5 * 60_000
const ALGORITHM = 'AWS4-HMAC-SHA256'

export interface SignedRequest {
  readonly method: string
  /** Path and query as they stand in the request line. */
  readonly target: string
  readonly headers: IncomingHttpHeaders
  readonly body: Uint8Array
}

const sha256Hex = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex')
const hmac = (key: string | Uint8Array, data: string) => createHmac('sha256', key).update(data).digest()

function headerText(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name]
  if (value === undefined) throw new AwsError('IncompleteSignatureException', `${name} is signed and absent`)
  return (Array.isArray(value) ? value.join(',') : value).trim().replaceAll(/ +/g, ' ')
}

function parseAuthorization(text: string | undefined): { credential: string[]; signed: string[]; signature: string } {
  if (text === undefined) throw new AwsError('MissingAuthenticationTokenException', 'no signature')
  const match = /^AWS4-HMAC-SHA256 Credential=([^,\s]+), *SignedHeaders=([^,\s]+), *Signature=([0-9a-f]{64})$/.exec(
    text,
  )
  if (match === null) throw new AwsError('IncompleteSignatureException', 'the Authorization header has another form')
  const [, credential = '', signed = '', signature = ''] = match
  return { credential: credential.split('/'), signed: signed.split(';'), signature }
}

function parseDate(text: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text)
  if (match === null) throw new AwsError('IncompleteSignatureException', 'X-Amz-Date has another form')
  const [, year, month, day, hour, minute, second] = match
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
}

/**
 * Verifies AWS Signature Version 4 over method, target, all `x-amz-*` headers, host and the body itself.
 *
 * @throws AwsError as KMS answers
 */
export function verifySignature(
  request: SignedRequest,
  secrets: ReadonlyMap<string, string>,
  place: { readonly region: string; readonly nowMs: number },
): void {
  const { headers } = request
  const { credential, signed, signature } = parseAuthorization(headers.authorization)
  const [accessKey = '', day = '', region = '', service = '', terminator = ''] = credential
  const secret = secrets.get(accessKey)
  if (secret === undefined) throw new AwsError('UnrecognizedClientException', 'the security token is invalid')
  const date = headerText(headers, 'x-amz-date')
  if (Math.abs(parseDate(date) - place.nowMs) > WINDOW_MS) {
    throw new AwsError('InvalidSignatureException', 'Signature expired')
  }
  if (day !== date.slice(0, 8) || region !== place.region || service !== 'kms' || terminator !== 'aws4_request') {
    throw new AwsError('InvalidSignatureException', 'Credential should be scoped to a valid region and service')
  }
  const mustBeSigned = Object.keys(headers).filter((name) => name.startsWith('x-amz-') || name === 'host')
  for (const name of mustBeSigned) {
    if (!signed.includes(name)) throw new AwsError('InvalidSignatureException', `${name} is not signed`)
  }
  const bodyHash = sha256Hex(request.body)
  const announced = headers['x-amz-content-sha256']
  if (announced !== undefined && announced !== bodyHash) {
    throw new AwsError('InvalidSignatureException', 'the body is not the one that was signed')
  }
  const [path = '/', query = ''] = request.target.split('?')
  const canonical = [
    request.method,
    path,
    query.split('&').sort().join('&'),
    ...signed.map((name) => `${name}:${headerText(headers, name)}`),
    '',
    signed.join(';'),
    bodyHash,
  ].join('\n')
  const scope = [day, region, service, terminator].join('/')
  const text = [ALGORITHM, date, scope, sha256Hex(canonical)].join('\n')
  const key = [region, service, terminator].reduce(
    (derived: Uint8Array, part) => hmac(derived, part),
    hmac(`AWS4${secret}`, day),
  )
  if (!timingSafeEqual(hmac(key, text), Buffer.from(signature, 'hex'))) {
    throw new AwsError('InvalidSignatureException', 'The request signature we calculated does not match')
  }
}
