import { type VerifiedCommit, verifyCommit } from '@strongroom/vault/header'
import { sql } from 'kysely'
import type { Database } from '../../database/tables.ts'
import { recordAudit } from '../audit/record.ts'
import { findObjects, type RememberedBlob, recreateBlobs } from '../blobs/recreate.ts'
import { byId, equal, hex } from '../bytes.ts'
import { ServerError } from '../errors.ts'
import { sealOuter } from '../keys/outer-layer.ts'
import { keyringPlace } from '../keys/places.ts'
import {
  type AppendDeps,
  appendedBefore,
  appendLocked,
  chainStateOf,
  headMoved,
  parseCommit,
  readVault,
  type VaultRow,
} from './append.ts'
import { type Checkpoint, checkCheckpoint } from './checkpoints.ts'
import { type Head, headOf } from './read.ts'
import { commitVerifier, rejectCommit } from './verifier.ts'
import { checkWraps, storeWraps, type Wrap } from './wraps.ts'

/** A commit as a device has kept it, with what it knows of the blobs that the commit adds. */
export interface KeptCommit {
  readonly commit: Uint8Array
  readonly wraps: readonly Wrap[]
  readonly blobs: readonly RememberedBlob[]
  readonly checkpoint?: Checkpoint | undefined
}

export interface Restore {
  readonly vaultId: Uint8Array
  readonly accountId: Uint8Array
  readonly sessionId: Uint8Array
  readonly commits: readonly KeptCommit[]
  readonly keyring?: { readonly version: number; readonly sealed: Uint8Array } | undefined
}

/**
 * Takes commits back that this server had accepted before it was set back to an older backup. Owners alone may give
 * them back; their authors vouch for them by signature. Each is one transaction, so that a request may be repeated.
 *
 * @throws ServerError `not_found`, `forbidden` (no owner), `head_moved` (another history, or a gap), `commit_rejected`,
 *   `blob_gone`, `quota_exceeded`, `upgrade_required`, `stored_data_damaged`
 */
export async function restoreVault(deps: AppendDeps, input: Restore): Promise<{ head: Head; lost: number }> {
  await requireOwner(deps.database, input)
  for (const kept of input.commits) await restoreCommit(deps, input, kept)
  if (input.keyring !== undefined) {
    await restoreKeyring(deps, input.accountId, input.keyring)
    await recordAudit(deps, deps.database, input.accountId, 'server_restored', input.sessionId)
  }
  const head = await headOf(deps.database, input.vaultId)
  return { head, lost: await countLost(deps.database, input.vaultId) }
}

async function requireOwner(database: Database, { vaultId, accountId }: Restore): Promise<void> {
  const member = await database
    .selectFrom('members')
    .select(['role', 'state'])
    .where('vault_id', '=', vaultId)
    .where('account_id', '=', accountId)
    .executeTakeFirst()
  if (member?.state !== 'active') throw new ServerError('not_found')
  if (member.role !== 'owner') throw new ServerError('forbidden')
}

async function restoreCommit(deps: AppendDeps, { vaultId, accountId }: Restore, kept: KeptCommit): Promise<void> {
  const vault = await readVault(deps.database, { vaultId, accountId })
  const { header, hash } = await parseCommit(kept.commit)
  if (!equal(header.vaultId, vaultId)) throw new ServerError('bad_request', { details: { path: 'commits' } })
  const input = { vaultId, accountId, commit: kept.commit, wraps: kept.wraps, checkpoint: kept.checkpoint }
  const sent = { ...input, seq: header.seq, hash }
  if (header.seq <= vault.head_seq) {
    await appendedBefore(deps.database, vault, sent)
    return await completeCommit(deps, vault, { vaultId, ownerId: header.accountId, kept })
  }
  if (header.seq !== vault.head_seq + 1 || !equal(header.prev, vault.head_hash)) throw headMoved(vault)
  const before = chainStateOf(vault)
  const commit = await verifyCommit({ ...commitVerifier, state: before, bytes: kept.commit }).catch(rejectCommit)
  checkWraps(commit, kept.wraps)
  await checkCheckpoint(commit, kept.checkpoint, true)
  const ids = addedBlobs(commit)
  const found = await findObjects(deps, ids, kept.blobs)
  const outer = await deps.outerKeys.newest(vault.owner_id)
  const appended = await deps.database.transaction().execute((tx) =>
    appendLocked(deps, tx, {
      input,
      commit,
      before,
      outer,
      owner: vault.owner_id,
      recreate: (locked) => recreateBlobs(deps, locked, { ownerId: header.accountId, ids, found }),
    }),
  )
  // Another device was giving it back at the same time.
  if (appended === null) await appendedBefore(deps.database, null, sent)
}

function addedBlobs({ section }: Pick<VerifiedCommit, 'section'>): Uint8Array[] {
  return section.added.map((entry) => entry.blobId)
}

/** Completes what another device, or an earlier request, could not bring along with a commit. */
async function completeCommit(
  deps: AppendDeps,
  vault: VaultRow,
  input: { vaultId: Uint8Array; ownerId: Uint8Array; kept: KeptCommit },
): Promise<void> {
  const { vaultId, ownerId, kept } = input
  // Only what the vault refers to still.
  const rows = await sql<{ id: Uint8Array; state: string }>`
    SELECT b.id, b.state FROM blobs b JOIN blob_references r ON r.blob_id = b.id AND r.vault_id = ${vaultId}
    WHERE b.id = ANY(${kept.wraps.map((wrap) => wrap.blobId)}::bytea[])
      OR b.id = ANY(${kept.blobs.map((blob) => blob.blobId)}::bytea[])`.execute(deps.database)
  const referred = new Set(rows.rows.map((row) => hex(row.id)))
  const ids = rows.rows.filter((row) => row.state === 'lost').map((row) => row.id)
  const found = await findObjects(deps, ids, kept.blobs)
  const wraps = kept.wraps.filter((wrap) => referred.has(hex(wrap.blobId))).sort(byId((wrap) => wrap.blobId))
  if (found.verified.size === 0 && wraps.length === 0) return
  const outer = await deps.outerKeys.newest(vault.owner_id)
  await deps.database.transaction().execute(async (tx) => {
    await recreateBlobs(deps, tx, { ownerId, ids, found })
    await storeWraps(deps, tx, { vaultId, owner: vault.owner_id, outer, wraps, required: [] })
  })
}

/** Blobs that the vault refers to and nobody can read. */
async function countLost(database: Database, vaultId: Uint8Array): Promise<number> {
  const found = await sql<{ count: number }>`
    SELECT count(*) AS count FROM blob_references r JOIN blobs b ON b.id = r.blob_id
    WHERE r.vault_id = ${vaultId} AND (b.state = 'lost' OR NOT EXISTS (
      SELECT 1 FROM wraps w WHERE w.vault_id = r.vault_id AND w.blob_id = r.blob_id))`.execute(database)
  return Number(found.rows[0]?.count ?? 0)
}

async function restoreKeyring(
  deps: AppendDeps,
  accountId: Uint8Array,
  keyring: NonNullable<Restore['keyring']>,
): Promise<void> {
  const { version } = keyring
  const outer = await deps.outerKeys.newest(accountId)
  const sealed = sealOuter(deps.random, outer.key, keyringPlace(accountId, version), keyring.sealed)
  await deps.database
    .updateTable('keyrings')
    .set({ version, sealed, outer_version: outer.version })
    .where('account_id', '=', accountId)
    .where('version', '<', version)
    .execute()
}
