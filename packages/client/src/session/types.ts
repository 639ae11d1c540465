import type { Drive } from '../drive/types.ts'
import type { Keys } from '../keys/types.ts'
import type { Platform } from '../ports.ts'
import type { VerifyOptions, VerifyResult } from '../verify/types.ts'
import type { KdfProfile } from './kdf-profiles.ts'

export interface Credentials {
  /** Base URL, as `https://files.example.org`. */
  readonly server: string
  readonly login: string
  readonly password: string
  readonly deviceName: string
  readonly platform: Platform
  readonly signal?: AbortSignal | undefined
  /**
   * Called when the account asks for a second factor: returns the authenticator's six digits or a backup code. Called
   * again after a wrong one, up to five times; a rejection ends the login. Without it such a login is refused.
   */
  readonly onSecondFactor?: ((request: { readonly attempt: number }) => Promise<string>) | undefined
}

export interface RegisterInput extends Credentials {
  /** Code of an invitation, as it was typed. */
  readonly invite?: string | undefined
  /**
   * Shows the recovery key and returns once the user has it safe. The account is made only then; a rejection ends the
   * registration with nothing stored.
   */
  readonly onRecoveryKey: (text: string) => Promise<void> | void
  /** What stretches the password; default: what the device has memory for. */
  readonly kdf?: KdfProfile | undefined
}

export interface RecoverInput extends Omit<Credentials, 'password'> {
  /** As it was typed; see `checkRecoveryKey`. */
  readonly recoveryKey: string
  readonly newPassword: string
  /**
   * Shows the new recovery key and returns once the user has it safe; within half an hour. Only then anything is
   * changed: until the recovery ends, and after it failed, the old key counts.
   */
  readonly onRecoveryKey: (text: string) => Promise<void> | void
  /** What stretches the new password; default: what the device has memory for. */
  readonly kdf?: KdfProfile | undefined
}

export interface ChangePasswordInput {
  readonly current: string
  readonly next: string
  /** What stretches the new password; default: what stretched the current one. */
  readonly kdf?: KdfProfile | undefined
  readonly signal?: AbortSignal | undefined
}

export interface ChangeLoginInput {
  readonly password: string
  /** The new login name. */
  readonly login: string
  readonly signal?: AbortSignal | undefined
}

export interface ReplaceRecoveryKeyInput {
  readonly password: string
  /** Shows the new key and returns once the user has it safe; only then it replaces the old one. */
  readonly onRecoveryKey: (text: string) => Promise<void> | void
  readonly signal?: AbortSignal | undefined
}

export interface RotateAccountKeyInput {
  readonly password: string
  /** A new password, where the old one may be known to others; without it the password stays. */
  readonly newPassword?: string | undefined
  /** What stretches the new password; default: what stretched the current one. */
  readonly kdf?: KdfProfile | undefined
  /** Shows the new recovery key and returns once the user has it safe; only then anything is changed. */
  readonly onRecoveryKey: (text: string) => Promise<void> | void
  /** Give up interrupted transfers of this device, which could not go on afterwards. */
  readonly discardTransfers?: boolean | undefined
  readonly signal?: AbortSignal | undefined
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

/** A session of the account: one sign-in of one device. */
export interface SessionEntry {
  /** Hex. */
  readonly sessionId: string
  /** Hex; null when the device never said which it is. */
  readonly deviceId: string | null
  /** From the private log; null when that does not name the device. */
  readonly deviceName: string | null
  readonly createdMs: number
  /** To about an hour. */
  readonly usedMs: number
  readonly expiresMs: number
  /** Whether it is the session of this object. */
  readonly current: boolean
}

/** Something that the audit log of the account tells. */
export interface AuditEvent {
  readonly seq: number
  /** Of several that were counted together, the last. */
  readonly timeMs: number
  /** A code of `spec/audit.md`; newer servers may know more. */
  readonly event: string
  readonly count: number
  /** Hex. */
  readonly sessionId: string | null
  /** Hex. */
  readonly deviceId: string | null
  /** From the private log; null when that does not name the device. */
  readonly deviceName: string | null
}

/** What a server has stated, and signed, about an account that it deleted. Times are by its clock. */
export interface DeletionReceipt {
  /** Hex. */
  readonly accountId: string
  /** Whether the account had a key of the key service of its own. */
  readonly scope: 'shared' | 'per-user'
  readonly deletedMs: number
  /** From when copies of the database that were made since `kmsKeySinceMs` are noise; null: not known yet. */
  readonly noiseFromMs: number | null
  /** 0: not known. */
  readonly kmsKeySinceMs: number
  /** SHA-256, in hex, of the id of the key of the key service that all depends on. */
  readonly kmsKeyHash: string
  readonly outerKeys: number
  readonly sessions: number
  readonly vaults: number
  readonly commits: number
  readonly blobs: number
  readonly bytes: number
  readonly issuedMs: number
  /** Hex, that signed it. */
  readonly publicKey: string
  /** For which server this device has pinned that key; null for a key that was given. */
  readonly server: string | null
}

export interface DeletedAccount {
  /** Hex. */
  readonly accountId: string
  readonly server: string
  /** 188 bytes to keep and to show to others; null while the server has none: ask `Strongroom.receipt` later. */
  readonly receipt: Uint8Array | null
  readonly details: DeletionReceipt | null
}

export interface DeleteAccountInput {
  readonly password: string
  /** The login name, typed again. */
  readonly confirm: string
  readonly signal?: AbortSignal | undefined
}

/** The newest commit of the private vault that this device has verified. */
export interface StateReport {
  readonly seq: number
  /** Hex. */
  readonly hash: string
  /** For people to compare; see `spec/state-code.md`. */
  readonly code: string
}

export interface StateComparison {
  /**
   * `same`: both devices have one history up to `seq`; `different`: a fork, or a slip of the pen; `ahead`: the other
   * device has seen commits that the server does not show here.
   */
  readonly outcome: 'same' | 'different' | 'ahead'
  /** Of the code. */
  readonly seq: number
  readonly ownSeq: number
}

/** What a server that was set back lacks, before anything is given back. */
export interface RestorePlan {
  /** Changes that this device would give back. */
  readonly commits: number
  readonly serverSeq: number
  readonly ownSeq: number
  /**
   * Whether the audit log is another than this device has seen. Its entries since the backup are lost; going on means
   * to take the server's log as it is now.
   */
  readonly auditSetBack: boolean
}

export interface RestoreInput {
  /** Asked before anything is sent; false gives up with `aborted`. */
  readonly confirm: (plan: RestorePlan) => Promise<boolean>
  readonly signal?: AbortSignal | undefined
}

export interface RestoreResult {
  /** Changes that were given back. */
  readonly restored: number
  /** Contents that the vault refers to and that cannot be read: their object, digest list or key is gone. */
  readonly lost: number
}

/** A second factor that was begun: what goes into an authenticator. Secret. */
export interface SecondFactorSetup {
  /** Hex. */
  readonly enrolmentId: string
  /** Base32, for typing. */
  readonly secret: string
  /** `otpauth://…`, for a QR code. */
  readonly uri: string
}

/** The second factor of the account: TOTP (SHA-1, six digits, 30 s) with backup codes. */
export interface SecondFactor {
  status(options?: { signal?: AbortSignal }): Promise<{ enabled: boolean; backupCodesLeft: number }>
  /** Makes a secret; it counts once `confirm` was called, within half an hour. @throws `authentication`, `conflict` */
  begin(input: { password: string; signal?: AbortSignal }): Promise<SecondFactorSetup>
  /**
   * Ten fresh codes, each good for one login without the authenticator. They count once they were sent by `confirm` or
   * `replaceBackupCodes`: keep them until you know how that went.
   */
  generateBackupCodes(): string[]
  /**
   * Turns it on. Call it again with the same values when it ended with `network`.
   *
   * @throws `authentication` for a wrong code, `conflict` when another device began or turned one on
   */
  confirm(input: {
    enrolmentId: string
    code: string
    backupCodes: readonly string[]
    signal?: AbortSignal
  }): Promise<void>
  /** Turns it off, with a code of the authenticator or a backup code. @throws `authentication` */
  disable(input: { password: string; code: string; signal?: AbortSignal }): Promise<void>
  /** Puts new codes in the place of the old ones; as `confirm`. @throws `authentication`, `conflict` when it is off */
  replaceBackupCodes(input: { code: string; backupCodes: readonly string[]; signal?: AbortSignal }): Promise<void>
}

/** A signed-in account on this device. Close it with `close` (or `await using`). */
export interface Session extends AsyncDisposable {
  readonly identity: Identity
  readonly drive: Drive
  readonly keys: Keys
  /**
   * Compares every stored content, of all versions and of the trash, with its signed digests. Changes nothing, keeps
   * bounded memory, and goes on where an earlier call with the same path was interrupted. What is wrong with single
   * contents is in the result; the call rejects with ClientError where it cannot go on.
   */
  verify(options?: VerifyOptions): Promise<VerifyResult>
  /**
   * Commits that were read in this session and left out: signed by a writer of the vault, but against its rules (names
   * such as `..`, operations that do not apply). Tell the user; whoever made them runs a broken or hostile client.
   */
  readonly leftOutCommits: number
  whoami(options?: { signal?: AbortSignal }): Promise<AccountInfo>
  readonly secondFactor: SecondFactor
  /** All sessions of the account, the last used first. */
  sessions(options?: { signal?: AbortSignal }): Promise<SessionEntry[]>
  /** Ends one; what its device has stored opens nothing afterwards. @throws `not_found` */
  revokeSession(sessionId: string, options?: { signal?: AbortSignal }): Promise<void>
  /** Ends all but this one; returns how many. */
  revokeOtherSessions(options?: { signal?: AbortSignal }): Promise<number>
  /**
   * The audit log back to a moment (all of it without one), oldest first, verified against what this device has pinned.
   * @throws `integrity` when it was set back or changed
   */
  audit(options?: { sinceMs?: number; signal?: AbortSignal }): Promise<AuditEvent[]>
  /**
   * Replaces the password. The account's other sessions end, no file is touched.
   *
   * @throws `authentication`, `usage`, `conflict`, `network`: `details.reason` is `not_changed` when the old one still
   * counts, or `outcome_unknown`
   */
  changePassword(input: ChangePasswordInput): Promise<void>
  /** Replaces the login name. The account's other sessions end. @throws `login_taken`, and as `changePassword` */
  changeLogin(input: ChangeLoginInput): Promise<void>
  /** Replaces the recovery key; the old one opens nothing afterwards. @throws as `changePassword` */
  replaceRecoveryKey(input: ReplaceRecoveryKeyInput): Promise<void>
  /**
   * Replaces the account key, and with it the recovery key; on request the password too. The account's other sessions
   * end, no file is touched. Closes this session; go on with `Strongroom.resume`.
   *
   * @throws `conflict` with `details.reason` `transfers_interrupted`, and as `changePassword`
   */
  rotateAccountKey(input: RotateAccountKeyInput): Promise<void>
  /** Whether a recovery key is the account's. @throws `usage` for a mistyped one, see `checkRecoveryKey` */
  testRecoveryKey(text: string, options?: { signal?: AbortSignal }): Promise<boolean>
  /** What this device has verified last; asks no server. */
  state(): Promise<StateReport>
  /** Compares the state code of another device; call `drive.sync` first. @throws `usage`, `integrity` */
  compareState(code: string, options?: { signal?: AbortSignal }): Promise<StateComparison>
  /**
   * Gives a server that was set back to an older backup the changes back that this device has seen. Call `drive.sync`
   * afterwards.
   *
   * @throws `integrity` when the server is on another history, or this device lacks what would have to be given back
   */
  restoreServer(input: RestoreInput): Promise<RestoreResult>
  /**
   * Deletes the account for good, with all that it holds; nobody can undo it. This session is over afterwards, closed,
   * and forgotten on this device.
   *
   * @throws `usage`, `authentication`, `conflict`, `network`: `details.reason` is `not_deleted` or `outcome_unknown`
   */
  deleteAccount(input: DeleteAccountInput): Promise<DeletedAccount>
  /** Ends the session on the server and forgets its keys here; pins stay. */
  logout(options?: { signal?: AbortSignal }): Promise<void>
  /** Ends workers and wipes keys from memory; the profile stays. */
  close(): Promise<void>
}

/**
 * The way in: `Strongroom.register`, `Strongroom.login`, `Strongroom.resume` (from the stored profile, which takes the
 * server; `null` when there is none). `Strongroom.logout` ends the stored session and needs no keys: it also works once
 * the session is over. It returns who was signed in.
 */
export interface StrongroomApi {
  register(input: RegisterInput): Promise<Session>
  login(input: Credentials): Promise<Session>
  /** Signs in by the recovery key, with a new password and a new recovery key. */
  recover(input: RecoverInput): Promise<Session>
  /** @param options.ahead - asks for what is new at once, for who calls the drive right after */
  resume(platform: Platform, options?: { ahead?: boolean; signal?: AbortSignal }): Promise<Session | null>
  /** Who is signed in, from the stored profile; asks no server. */
  identity(platform: Platform): Promise<Identity | null>
  /** As `session.state`, without a session and its server. @throws `not_found` */
  state(platform: Platform): Promise<StateReport | null>
  /**
   * The receipt for an account whose deletion was asked for on this device: the one named (hex), else the one that is
   * signed in, else the last. null where there is none, or the account was not deleted. A deleted account is forgotten.
   */
  receipt(platform: Platform, options?: { accountId?: string; signal?: AbortSignal }): Promise<DeletedAccount | null>
  /**
   * Checks a receipt against the keys that this device has pinned, or one that is given (hex).
   *
   * @throws `integrity` when none of them signed it, `upgrade_required`, `usage`
   */
  verifyReceipt(input: { platform: Platform; receipt: Uint8Array; key?: string | undefined }): Promise<DeletionReceipt>
  logout(platform: Platform, options?: { signal?: AbortSignal }): Promise<Identity | null>
}
