import type { KeyContext, KeyManagementErrorCode, KeyState } from '../../ports/index.ts'

/** Where the keys are, and how to get at them. */
export interface TokenAddress {
  readonly modulePath: string
  readonly token: string
  readonly object: string
  readonly pinFile: string
}

/** What the process that talks to the HSM can be asked. `nowMs` is the time by which keys are destroyed. */
export interface TokenCalls {
  connect(address: TokenAddress): Promise<void>
  currentKeyId(): string
  setCurrentKey(keyId: string, nowMs: number): void
  createKey(name: string | null): string
  wrap(keyId: string, plaintext: Uint8Array, context: KeyContext, nowMs: number): Uint8Array
  unwrap(wrapped: Uint8Array, context: KeyContext, nowMs: number): Uint8Array
  reEncrypt(wrapped: Uint8Array, context: KeyContext, toKeyId: string, nowMs: number): Uint8Array
  setEnabled(keyId: string, enabled: boolean, nowMs: number): void
  scheduleDestruction(keyId: string, atMs: number, nowMs: number): void
  rotate(keyId: string, nowMs: number): void
  keyState(keyId: string, nowMs: number): KeyState
  /** Destroys every key whose time has come. */
  sweep(nowMs: number): Promise<void>
  check(): void
}

export type TokenMethod = keyof TokenCalls

export interface TokenRequest {
  readonly id: number
  readonly method: TokenMethod
  readonly parameters: readonly unknown[]
}

export interface TokenAnswer {
  readonly id: number
  readonly value?: unknown
  readonly error?: {
    readonly code: KeyManagementErrorCode
    readonly message: string
    /** Trying again would do harm: a wrong PIN locks the token after a few tries. */
    readonly final: boolean
  }
}
