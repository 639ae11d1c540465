import type { Drive } from '../drive/types.ts'
import type { Platform } from '../ports.ts'

export interface Credentials {
  /** Base URL, as `https://files.example.org`. */
  readonly server: string
  readonly login: string
  readonly password: string
  readonly deviceName: string
  readonly platform: Platform
  readonly signal?: AbortSignal | undefined
}

export interface RegisterInput extends Credentials {
  /**
   * Shows the recovery key and returns once the user has it safe. The account is made only then; a rejection ends the
   * registration with nothing stored.
   */
  readonly onRecoveryKey: (text: string) => Promise<void> | void
}

export interface Identity {
  readonly server: string
  readonly login: string
  /** Hex. */
  readonly accountId: string
}

export interface AccountInfo extends Identity {
  readonly usedBytes: number
  readonly quotaBytes: number
}

/** A signed-in account on this device. Close it with `close` (or `await using`). */
export interface Session extends AsyncDisposable {
  readonly identity: Identity
  readonly drive: Drive
  /**
   * Commits that were read in this session and left out: signed by a writer of the vault, but against its rules (names
   * such as `..`, operations that do not apply). Tell the user; whoever made them runs a broken or hostile client.
   */
  readonly leftOutCommits: number
  whoami(options?: { signal?: AbortSignal }): Promise<AccountInfo>
  /** Ends the session on the server and forgets its keys here; pins stay. */
  logout(options?: { signal?: AbortSignal }): Promise<void>
  /** Ends workers and wipes keys from memory; the profile stays. */
  close(): Promise<void>
}

/**
 * The way in: `Strongroom.register`, `Strongroom.login`, `Strongroom.resume` (from the stored profile; `null` when
 * there is none).
 */
export interface StrongroomApi {
  register(input: RegisterInput): Promise<Session>
  login(input: Credentials): Promise<Session>
  resume(platform: Platform): Promise<Session | null>
}
