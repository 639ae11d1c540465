/** What went wrong, for the caller to act on. */
export type CryptoErrorCode =
  /** A tag, commitment or signature did not match: stop, never retry. */
  | 'decrypt_failed'
  /** Bytes that no writer of this format makes: stop and report. */
  | 'malformed'
  /** Written by a newer version: ask the user to upgrade. */
  | 'upgrade_required'
  /** A size beyond what the format can hold. */
  | 'size_out_of_range'
  /** A key of the wrong length, already wiped, or refused (small order). */
  | 'invalid_key'
  /** A recovery key with typing errors: show the suspected groups and ask again. */
  | 'recovery_key_invalid'

const MESSAGES: Record<CryptoErrorCode, string> = {
  decrypt_failed: 'decryption failed',
  malformed: 'the bytes do not follow the format',
  upgrade_required: 'the format is newer than this software',
  size_out_of_range: 'the size is out of range',
  invalid_key: 'the key cannot be used',
  recovery_key_invalid: 'the recovery key has typing errors',
}

/** The one error of this package. Its message never holds a key, a name or content. */
export class CryptoError extends Error {
  readonly code: CryptoErrorCode

  constructor(code: CryptoErrorCode, options?: ErrorOptions) {
    super(MESSAGES[code], options)
    this.name = 'CryptoError'
    this.code = code
  }
}

/** A recovery key that does not check; says where to look again. */
export class RecoveryKeyError extends CryptoError {
  /** Groups, counted from 1, that probably hold the typing error; empty when it cannot be located. */
  readonly suspectGroups: readonly number[]

  constructor(suspectGroups: readonly number[]) {
    super('recovery_key_invalid')
    this.name = 'RecoveryKeyError'
    this.suspectGroups = suspectGroups
  }
}

/** Every code of {@link CryptoError}, for tests that hold code and documents together. */
export const CRYPTO_ERROR_CODES: readonly CryptoErrorCode[] = [
  'decrypt_failed',
  'malformed',
  'upgrade_required',
  'size_out_of_range',
  'invalid_key',
  'recovery_key_invalid',
]
