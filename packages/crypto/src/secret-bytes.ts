import type { Bytes } from './encoding.ts'
import { copyOf } from './encoding.ts'
import { CryptoError } from './errors.ts'
import { KEY_LENGTH } from './sizes.ts'

/** The part of an engine that makes secrets. */
export interface RandomSource {
  randomBytes(length: number): Bytes
}

/**
 * A secret that is wiped when disposed of and never prints itself.
 *
 * Wiping is best effort: a runtime may have copied what passed through it.
 */
export class SecretBytes {
  #bytes: Bytes | null

  private constructor(bytes: Bytes) {
    this.#bytes = bytes
  }

  /** Keeps a copy; the source stays the caller's to wipe. */
  static copyOf(bytes: Bytes): SecretBytes {
    return new SecretBytes(copyOf(bytes))
  }

  /** Keeps a copy and wipes the source. */
  static take(bytes: Bytes): SecretBytes {
    const secret = new SecretBytes(copyOf(bytes))
    bytes.fill(0)
    return secret
  }

  /** A fresh random secret of `length` bytes. */
  static random(source: RandomSource, length: number): SecretBytes {
    return SecretBytes.take(source.randomBytes(length))
  }

  /** Length in bytes; throws CryptoError `invalid_key` after disposal. */
  get length(): number {
    return this.#alive().length
  }

  /**
   * Calls `fn` with the bytes themselves, which it may read until it returns (or its promise settles) and must neither
   * change nor keep.
   *
   * @throws CryptoError `invalid_key` after disposal
   */
  use<T>(fn: (bytes: Bytes) => T): T {
    return fn(this.#alive())
  }

  /** An independent copy, to be disposed of on its own. */
  clone(): SecretBytes {
    return SecretBytes.copyOf(this.#alive())
  }

  /** Wipes the bytes; later uses throw, a second disposal does nothing. */
  dispose(): void {
    this.#bytes?.fill(0)
    this.#bytes = null
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  toString(): string {
    return this.#bytes === null ? '[secret, wiped]' : `[secret ${this.#bytes.length} bytes]`
  }

  toJSON(): string {
    return this.toString()
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }

  #alive(): Bytes {
    if (this.#bytes === null) throw new CryptoError('invalid_key')
    return this.#bytes
  }
}

declare const brand: unique symbol
type Key<Name extends string> = SecretBytes & { readonly [brand]: Name }

/** Encrypts one content. */
export type Dek = Key<'dek'>
/** Wraps keys only. */
export type Kek = Key<'kek'>
/** The random key under a user's password. */
export type AccountKey = Key<'account'>
/** A vault's key during one epoch. */
export type VaultKey = Key<'vault'>
/** 16 bytes that the user keeps on paper. */
export type RecoveryKey = Key<'recovery'>

/** Takes a 32-byte secret as a DEK; throws CryptoError `invalid_key` for another length. */
export function asDek(secret: SecretBytes): Dek {
  return checked(secret, KEY_LENGTH) as Dek
}

/** Takes a 32-byte secret as a KEK; throws CryptoError `invalid_key` for another length. */
export function asKek(secret: SecretBytes): Kek {
  return checked(secret, KEY_LENGTH) as Kek
}

/** Takes a 32-byte secret as an account key; throws CryptoError `invalid_key` for another length. */
export function asAccountKey(secret: SecretBytes): AccountKey {
  return checked(secret, KEY_LENGTH) as AccountKey
}

/** Takes a 32-byte secret as a vault key; throws CryptoError `invalid_key` for another length. */
export function asVaultKey(secret: SecretBytes): VaultKey {
  return checked(secret, KEY_LENGTH) as VaultKey
}

/** Takes a 16-byte secret as a recovery key; throws CryptoError `invalid_key` for another length. */
export function asRecoveryKey(secret: SecretBytes): RecoveryKey {
  return checked(secret, 16) as RecoveryKey
}

/** The brand is true because a brand only says what its owner uses the secret for; the length is all there is to check. */
function checked(secret: SecretBytes, length: number): SecretBytes {
  if (secret.length !== length) throw new CryptoError('invalid_key')
  return secret
}
