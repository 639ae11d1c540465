import type { Generated, Kysely, Transaction } from 'kysely'

export type BlobState = 'reserved' | 'stored' | 'live' | 'condemned' | 'deleted' | 'lost'

/** Columns as Kysely sees them; the migrations say what they mean. */
export interface Tables {
  accounts: {
    id: Uint8Array
    /** Hex HMAC of the normalised login name: the OPAQUE user identifier. */
    login_hash: string
    setup_id: Uint8Array
    opaque_record: string
    recovery_auth_hash: Uint8Array
    card: Uint8Array
    card_hash: Uint8Array
    private_vault_id: Uint8Array
    quota_bytes: number | null
    used_bytes: number
    created_ms: number
    /** When an operator disabled the account; null while it may be used. */
    disabled_ms: Generated<number | null>
    /** The invitation that it was made with. */
    invite_id: Generated<Uint8Array | null>
  }
  invites: {
    id: Uint8Array
    code_hash: Uint8Array
    uses_limit: number
    uses: Generated<number>
    quota_bytes: number | null
    created_ms: number
    expires_ms: number | null
    revoked_ms: Generated<number | null>
  }
  outer_keys: { account_id: Uint8Array; version: number; wrapped: Uint8Array; created_ms: number; kms_key_id: string }
  kms_keys: {
    id: string
    /** null: shared by accounts. */
    account_id: Uint8Array | null
    state: 'current' | 'retired' | 'doomed' | 'ended'
    created_ms: number
    destruction_ms: Generated<number | null>
    waiting_days: Generated<number>
  }
  kms_rotations: {
    id: Generated<number>
    key_name: string
    to_key: string | null
    started_ms: number
    finished_ms: Generated<number | null>
  }
  envelopes: {
    account_id: Uint8Array
    method: number
    version: number
    outer_version: number
    sealed: Uint8Array
  }
  keyrings: { account_id: Uint8Array; version: number; outer_version: number; sealed: Uint8Array }
  sessions: {
    token_hash: Uint8Array
    id: Uint8Array
    account_id: Uint8Array
    device_id: Uint8Array | null
    created_ms: number
    used_ms: number
    expires_ms: number
  }
  /** The server's half of a session's key-encryption key. */
  session_halves: { session_id: Uint8Array; account_id: Uint8Array; outer_version: number; sealed: Uint8Array }
  totp: {
    account_id: Uint8Array
    enrolment_id: Uint8Array
    active: boolean
    last_step: number
    outer_version: number
    sealed: Uint8Array
    created_ms: number
  }
  backup_codes: { account_id: Uint8Array; hash: Uint8Array }
  login_tickets: { id: Uint8Array; sealed: Uint8Array; tries: number; expires_ms: number }
  login_states: { id: Uint8Array; sealed: Uint8Array; expires_ms: number }
  recovery_states: {
    id_hash: Uint8Array
    account_id: Uint8Array
    password_version: number
    recovery_version: number
    keyring_version: number
    expires_ms: number
  }
  vaults: {
    id: Uint8Array
    owner_id: Uint8Array
    epoch: number
    head_seq: number
    head_hash: Uint8Array
    chain_state: Uint8Array
    created_ms: number
  }
  members: {
    vault_id: Uint8Array
    account_id: Uint8Array
    role: 'reader' | 'writer' | 'owner'
    state: 'invited' | 'active'
  }
  commits: { vault_id: Uint8Array; seq: number; hash: Uint8Array; bytes: Uint8Array; appended_ms: number }
  blobs: {
    id: Uint8Array
    owner_id: Uint8Array
    state: BlobState
    length: number | null
    part_size: number
    charged_bytes: number
    upload_id: string | null
    digests: Uint8Array | null
    reference_count: number
    active_ms: number
    urls_end_ms: number
    condemned_ms: number | null
    object_removed: Generated<boolean>
  }
  blob_references: { vault_id: Uint8Array; blob_id: Uint8Array; count: number }
  wraps: {
    vault_id: Uint8Array
    blob_id: Uint8Array
    epoch: number
    outer_version: number
    sealed: Uint8Array
    confirmed_ms: Generated<number | null>
  }
  checkpoints: {
    vault_id: Uint8Array
    named_by_seq: number
    seq: number
    epoch: number
    outer_version: number
    sealed: Uint8Array
  }
  audit_heads: { account_id: Uint8Array; seq: number; hash: Uint8Array }
  audit_entries: {
    account_id: Uint8Array
    seq: number
    time_ms: number
    event: string
    count: number
    session_id: Uint8Array | null
    device_id: Uint8Array | null
    hash: Uint8Array
  }
  deletions: {
    account_id: Uint8Array
    secret_hash: Uint8Array
    scope: 'shared' | 'per-user'
    kms_key_id: string
    kms_key_since_ms: number
    deleted_ms: number
    noise_from_ms: number | null
    outer_keys: number
    sessions: number
    vaults: number
    commits: number
    blobs: number
    bytes: number
    receipt: Uint8Array | null
    purged_ms: number | null
  }
  audit_folds: { account_id: Uint8Array; event: string; count: number; last_ms: number }
  rate_limits: { key: Uint8Array; points: number; ends_ms: number }
  jobs: { name: string; holder: Uint8Array | null; lease_ends_ms: Generated<number>; due_ms: Generated<number> }
  orphans: {
    blob_id: Uint8Array
    /** Empty for finished objects. */
    upload_id: string
    seen_ms: number
    last_seen_ms: number
    doomed: Generated<boolean>
  }
}

export type Database = Kysely<Tables>
export type DatabaseTransaction = Transaction<Tables>
