import { type RawBuilder, sql } from 'kysely'
import { hex } from '../bytes.ts'
import type { ServerSetup } from '../keys/server-setup.ts'
import { rowKey } from '../sessions/rate-limit.ts'

/** Whose rows are looked for. */
export interface DisclosedAccount {
  readonly id: Uint8Array
  /** null once it was deleted. */
  readonly loginHash: string | null
}

/** Attempts that are counted per account, by the hash of its login name or by its id. */
const LIMITS_BY_LOGIN = ['login-name', 'recovery-name']
const LIMITS_BY_ID = ['second-factor', 'second-factor-confirm']

/** Tables without anything about an account, each with the reason; a test holds that all others are disclosed. */
export const NOT_OF_ACCOUNTS: Readonly<Record<string, string>> = {
  migrations: 'versions of the tables',
  jobs: 'work that servers do in the background',
  orphans: 'objects of the store that belong to nobody',
  kms_rotations: 'moves of all accounts to another key of the key service',
  login_states: 'logins that began less than a minute ago; sealed, and kept for a minute at most',
  login_tickets: 'logins that wait for a second factor; sealed, and kept for minutes at most',
}

type Where = (account: DisclosedAccount, setup: Pick<ServerSetup, 'blind'>) => RawBuilder<unknown>

const ofAccount: Where = ({ id }) => sql`t.account_id = ${id}`
const ofOwner: Where = ({ id }) => sql`t.owner_id = ${id}`
const ownVaults = (id: Uint8Array) => sql`(SELECT v.id FROM vaults v WHERE v.owner_id = ${id})`
const ofVault: Where = ({ id }) => sql`t.vault_id IN ${ownVaults(id)}`
/**
 * Rows of a table in the account's vaults, or of its blobs in vaults of others. Each way has its index; an OR would read
 * the whole table, which is the largest there is.
 */
const ofVaultOrBlob =
  (table: 'blob_references' | 'wraps'): Where =>
  ({ id }) =>
    sql`t.ctid = ANY(ARRAY(
      SELECT x.ctid FROM ${sql.table(table)} x WHERE x.vault_id IN ${ownVaults(id)}
      UNION
      SELECT x.ctid FROM ${sql.table(table)} x JOIN blobs b ON b.id = x.blob_id WHERE b.owner_id = ${id}))`

/** Which rows of each table concern an account; `t` is the table. In the order in which they are shown. */
export const DISCLOSED_TABLES: Readonly<Record<string, Where>> = {
  accounts: ({ id }) => sql`t.id = ${id}`,
  invites: ({ id }) => sql`t.id IN (SELECT a.invite_id FROM accounts a WHERE a.id = ${id})`,
  outer_keys: ofAccount,
  kms_keys: ({ id }) =>
    sql`t.account_id = ${id} OR t.id IN (SELECT k.kms_key_id FROM outer_keys k WHERE k.account_id = ${id})`,
  envelopes: ofAccount,
  keyrings: ofAccount,
  totp: ofAccount,
  backup_codes: ofAccount,
  sessions: ofAccount,
  session_halves: ofAccount,
  recovery_states: ofAccount,
  deletions: ofAccount,
  audit_heads: ofAccount,
  audit_entries: ofAccount,
  audit_folds: ofAccount,
  rate_limits: (account, setup) => sql`t.key = ANY(${attemptKeys(account, setup)}::bytea[])`,
  vaults: ({ id }) => sql`t.owner_id = ${id} OR t.id IN (SELECT m.vault_id FROM members m WHERE m.account_id = ${id})`,
  members: ({ id }) => sql`t.account_id = ${id} OR t.vault_id IN ${ownVaults(id)}`,
  checkpoints: ofVault,
  commits: ofVault,
  blobs: ofOwner,
  blob_references: ofVaultOrBlob('blob_references'),
  wraps: ofVaultOrBlob('wraps'),
}

function attemptKeys(account: DisclosedAccount, setup: Pick<ServerSetup, 'blind'>): Uint8Array[] {
  const key = (name: string, subject: string) => rowKey({ setup }, { name }, subject)
  const { loginHash } = account
  return [
    ...(loginHash === null ? [] : LIMITS_BY_LOGIN.map((name) => key(name, loginHash))),
    ...LIMITS_BY_ID.map((name) => key(name, hex(account.id))),
  ]
}
