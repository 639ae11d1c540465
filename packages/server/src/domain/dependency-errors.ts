import { BlobStoreError, KeyManagementError } from '../ports/index.ts'
import { ServerError } from './errors.ts'

const RETRY_SECONDS = 5

// Classes and codes of https://www.postgresql.org/docs/current/errcodes-appendix.html
const UNAVAILABLE_CLASSES = new Set(['08', '57', '58'])
// 0A000: a prepared statement whose tables a newer server has migrated; the next connection prepares it anew.
const UNAVAILABLE = new Set(['0A000', '25006', '25P03', '40001', '40P01', '53000', '53200', '53300', '55P03', 'XX000'])
const DISK_FULL = '53100'
const SYSTEM = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOENT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
])
const POOL_MESSAGES = [
  'timeout exceeded when trying to connect',
  'Connection terminated',
  'Cannot use a pool after calling end',
  'Client has encountered a connection error',
  'Query read timeout',
  'Client was closed and is not queryable',
  'driver has already been destroyed',
]

/** The refusal that a failure means to a caller; null where it is none that is known. */
export function refusalOf(error: unknown): ServerError | null {
  if (error instanceof ServerError) return error
  if (error instanceof BlobStoreError) return storeRefusal(error)
  if (error instanceof KeyManagementError) return keyRefusal(error)
  if (error instanceof AggregateError) return refusalOf(error.errors[0])
  if (!(error instanceof Error)) return null
  const code = (error as { code?: unknown }).code
  if (code === DISK_FULL || code === 'ENOSPC') return new ServerError('storage_full', { cause: error })
  if (typeof code === 'string') {
    const known =
      UNAVAILABLE.has(code) || SYSTEM.has(code) || (code.length === 5 && UNAVAILABLE_CLASSES.has(code.slice(0, 2)))
    if (known) return unavailable(error)
  }
  return POOL_MESSAGES.some((text) => error.message.includes(text)) ? unavailable(error) : null
}

function unavailable(cause: Error): ServerError {
  return new ServerError('unavailable', { retryAfterSeconds: RETRY_SECONDS, cause })
}

function keyRefusal(error: KeyManagementError): ServerError {
  switch (error.code) {
    case 'invalid_ciphertext':
      return new ServerError('stored_data_damaged', { cause: error })
    case 'key_unusable':
    case 'key_not_found':
      return new ServerError('keys_frozen', { cause: error })
    case 'unavailable':
      return unavailable(error)
  }
}

function storeRefusal(error: BlobStoreError): ServerError {
  switch (error.code) {
    case 'digest_mismatch':
    case 'length_mismatch':
      return new ServerError('digest_mismatch', { cause: error })
    case 'exists':
      return new ServerError('blob_conflict', { cause: error })
    case 'part_missing':
      return new ServerError('blob_not_ready', { cause: error })
    case 'not_found':
      return new ServerError('not_found', { cause: error })
    case 'range_invalid':
      return new ServerError('range_invalid', { cause: error })
    case 'damaged':
      return new ServerError('stored_data_damaged', { cause: error })
    case 'full':
      return new ServerError('storage_full', { cause: error })
    case 'unavailable':
      return unavailable(error)
  }
}
