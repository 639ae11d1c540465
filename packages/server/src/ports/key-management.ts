/** What a wrapped key is bound to; unwrapping with other values fails. */
export type KeyContext = Readonly<Record<string, string>>

export type KeyState = 'enabled' | 'disabled' | 'pending_destruction' | 'destroyed'

export type KeyManagementErrorCode =
  /** The wrapped bytes do not open: changed, or another context. */
  | 'invalid_ciphertext'
  /** The key exists but is disabled, pending destruction or destroyed. */
  | 'key_unusable'
  /** No such key. */
  | 'key_not_found'
  /** The key service cannot be reached or is throttling; try again later. */
  | 'unavailable'

/** What every adapter throws; `code` tells the caller what to do. */
export class KeyManagementError extends Error {
  readonly code: KeyManagementErrorCode

  constructor(code: KeyManagementErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'KeyManagementError'
    this.code = code
  }
}

/** Most bytes that can be wrapped. */
export const MOST_WRAPPED_BYTES = 4096

/**
 * A key service: keys never leave it, small secrets are wrapped under them with a mandatory context.
 *
 * Wrapped bytes name the key (and its version) that made them, so that `unwrap` needs no key id. All methods
 * throw `KeyManagementError`.
 */
export interface KeyManagement {
  readonly kind: string
  /**
   * The key under which new secrets are wrapped, whatever its state; made when there is none yet, by one of several
   * racing servers.
   */
  currentKeyId(): Promise<string>
  /** Makes an existing key the current one. Repeating it is harmless. */
  setCurrentKey(keyId: string): Promise<void>
  /**
   * Makes a key and returns its id. With a name (`[a-z0-9-]{1,64}`) it is made once: whoever asks again, or at the same
   * time, gets the id of the one that has the name, whatever its state.
   */
  createKey(name?: string): Promise<string>
  /** Id of the key that wrapped these bytes, read from them alone. */
  keyIdOf(wrapped: Uint8Array): string
  /** Wraps at most 4,096 bytes. */
  wrap(keyId: string, plaintext: Uint8Array, context: KeyContext): Promise<Uint8Array>
  /** Returns a fresh copy of the plaintext, for the caller to wipe. */
  unwrap(wrapped: Uint8Array, context: KeyContext): Promise<Uint8Array>
  /** Wraps the same plaintext under another key, inside the service. */
  reEncrypt(wrapped: Uint8Array, context: KeyContext, toKeyId: string): Promise<Uint8Array>
  disable(keyId: string): Promise<void>
  enable(keyId: string): Promise<void>
  /** The key refuses at once and is destroyed after `days` (7 … 30). Returns the time by which it is gone. */
  scheduleDestruction(keyId: string, days: number): Promise<number>
  /** Gives the key new material; what the old material wrapped still unwraps. */
  rotate(keyId: string): Promise<void>
  keyState(keyId: string): Promise<KeyState>
  /** Resolves when the service can be used. */
  check(): Promise<void>
  close(): Promise<void>
}
