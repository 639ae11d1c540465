import { BlobStoreError, type BlobStoreErrorCode } from '../../ports/index.ts'
import { DeadlineError } from '../deadline.ts'

/** Errors of S3 and its relatives that say more than "try again later". */
const CODES: Readonly<Record<string, BlobStoreErrorCode>> = {
  NoSuchKey: 'not_found',
  NotFound: 'not_found',
  NoSuchUpload: 'not_found',
  InvalidRange: 'range_invalid',
  InvalidPart: 'part_missing',
  InvalidPartOrder: 'part_missing',
  EntityTooSmall: 'part_missing',
  PreconditionFailed: 'exists',
  BadDigest: 'digest_mismatch',
  InvalidDigest: 'digest_mismatch',
  XAmzContentSHA256Mismatch: 'digest_mismatch',
  XAmzContentChecksumMismatch: 'digest_mismatch',
  IncompleteBody: 'length_mismatch',
  QuotaExceeded: 'full',
  InsufficientStorage: 'full',
  XMinioStorageFull: 'full',
}

const CREDENTIALS =
  'The bucket refuses the AWS credentials of this server: see AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and whatever else AWS programs read.'
const REGION = 'The bucket of BLOB_URL lies in another region: name it by ?region=.'

/** What an operator is told at the start; none of it is taken from an answer. */
const LINES: Readonly<Record<string, string>> = {
  CredentialsProviderError: 'The bucket of BLOB_URL cannot be used: no AWS credentials were found in the environment.',
  InvalidAccessKeyId: CREDENTIALS,
  SignatureDoesNotMatch: CREDENTIALS,
  InvalidToken: CREDENTIALS,
  ExpiredToken: 'The AWS credentials of this server have expired.',
  RequestTimeTooSkewed: 'The bucket refuses the signature: the clock of this machine is wrong.',
  AccessDenied:
    'The bucket of BLOB_URL refuses: the policy of this server does not allow what it needs (see docs/storage.md).',
  NoSuchBucket: 'The bucket of BLOB_URL does not exist: make it first (see docs/storage.md).',
  PermanentRedirect: REGION,
  AuthorizationHeaderMalformed: REGION,
  DeadlineError: 'The store of BLOB_URL does not answer.',
  TimeoutError: 'The store of BLOB_URL does not answer.',
  ECONNREFUSED: 'The store of BLOB_URL cannot be reached: nothing listens there.',
  ENOTFOUND: 'The store of BLOB_URL cannot be reached: its name is not known.',
}

/** The type of an error, which is a word of the store's; whatever else it says may name keys and addresses. */
function wordOf(error: unknown): string {
  if (!(error instanceof Error)) return 'Error'
  const system = (error as NodeJS.ErrnoException).code
  const name = error.name === 'Error' && typeof system === 'string' ? system : error.name
  return /^[A-Za-z0-9_]{1,60}$/.test(name) ? name : 'Error'
}

/** Status of the answer that the SDK made an error of; 0 for none. */
function statusOf(error: unknown): number {
  const metadata = (error as { $metadata?: { httpStatusCode?: unknown } } | null)?.$metadata
  return typeof metadata?.httpStatusCode === 'number' ? metadata.httpStatusCode : 0
}

/** Errors without a body, as answers to HEAD have them, and of stores that use other words. */
const STATUS_CODES: Readonly<Record<number, BlobStoreErrorCode>> = {
  404: 'not_found',
  412: 'exists',
  416: 'range_invalid',
  507: 'full',
}

/** What an error of the SDK, or of the way to the store, means here. */
export function bucketError(error: unknown): BlobStoreError {
  if (error instanceof BlobStoreError) return error
  const word = error instanceof DeadlineError ? 'DeadlineError' : wordOf(error)
  const line = LINES[word]
  if (line !== undefined) return new BlobStoreError('unavailable', line, { cause: error })
  const code = CODES[word] ?? STATUS_CODES[statusOf(error)]
  if (code !== undefined) return new BlobStoreError(code, `the bucket refuses: ${word}`, { cause: error })
  return new BlobStoreError('unavailable', `The bucket of BLOB_URL cannot be used at the moment (${word}).`, {
    cause: error,
  })
}

/** Whether another writer of the same key was at work, so that trying again is due. */
export function isConflict(error: unknown): boolean {
  return ['ConditionalRequestConflict', 'OperationAborted', 'ConcurrentModification'].includes(wordOf(error))
}

/** Answers with `value` where something is not there. */
export function ifNotFound<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof BlobStoreError && error.code === 'not_found') return value
    throw error
  }
}
