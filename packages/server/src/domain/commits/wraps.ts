import type { VerifiedCommit } from '@strongroom/vault/header'
import { sql } from 'kysely'
import { oneOf, rowsOf } from '../../database/parameters.ts'
import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import type { Random } from '../../ports/index.ts'
import { hex } from '../bytes.ts'
import { ServerError } from '../errors.ts'
import type { OuterKey, OuterKeys } from '../keys/outer-keys.ts'
import { sealOuter } from '../keys/outer-layer.ts'
import { wrapPlace } from '../keys/places.ts'

/** A DEK as its client wrapped it. */
export interface Wrap {
  readonly blobId: Uint8Array
  readonly epoch: number
  readonly bytes: Uint8Array
}

function rejected(reason: string): ServerError {
  return new ServerError('commit_rejected', { details: { reason } })
}

/** Wraps beside a commit are of its epoch, one for each blob, and only of blobs that it adds. */
export function checkWraps(commit: VerifiedCommit, wraps: readonly Wrap[]): void {
  const added = new Set(commit.section.added.map((entry) => hex(entry.blobId)))
  const seen = new Set<string>()
  for (const wrap of wraps) {
    const id = hex(wrap.blobId)
    if (wrap.epoch !== commit.header.epoch) throw rejected('wrap_epoch_wrong')
    if (!added.has(id) || seen.has(id)) throw rejected('wrap_not_wanted')
    seen.add(id)
  }
}

/**
 * Stores wraps under the outer layer; a row that exists is never replaced. `required` are the blobs that are new in
 * the vault: each needs a wrap, or nobody could ever open it.
 *
 * @returns how many were not there
 */
export async function storeWraps(
  deps: { random: Random },
  tx: DatabaseTransaction,
  input: {
    vaultId: Uint8Array
    owner: Uint8Array
    outer: OuterKey | null
    wraps: readonly Wrap[]
    required: readonly Uint8Array[]
  },
): Promise<number> {
  const { vaultId, owner, outer, wraps } = input
  const given = new Set(wraps.map((wrap) => hex(wrap.blobId)))
  if (input.required.some((blobId) => !given.has(hex(blobId)))) throw rejected('wrap_missing')
  if (outer === null) return 0
  const sealed = wraps.map((wrap) =>
    sealOuter(deps.random, outer.key, wrapPlace(owner, vaultId, wrap.epoch, wrap.blobId), wrap.bytes),
  )
  const stored = await sql`
    INSERT INTO wraps (vault_id, blob_id, epoch, outer_version, sealed)
    SELECT ${vaultId}, blob_id, epoch, ${outer.version}, sealed
    FROM ${rowsOf(
      { type: 'bytea', values: wraps.map((wrap) => wrap.blobId) },
      { type: 'bigint', values: wraps.map((wrap) => wrap.epoch) },
      { type: 'bytea', values: sealed },
    )} AS t (blob_id, epoch, sealed)
    ORDER BY blob_id
    ON CONFLICT (vault_id, blob_id, epoch) DO NOTHING`.execute(tx)
  return Number(stored.numAffectedRows ?? 0)
}

/**
 * Adds wraps under the vault's newest epoch, for active writers and owners. Blobs to which the vault does not refer
 * (any more) are left out.
 *
 * @returns how many were not there
 * @throws ServerError `not_found` (no member), `forbidden` (a reader), `head_moved` for another epoch than the newest
 */
export async function addWraps(
  deps: { database: Database; random: Random; outerKeys: OuterKeys },
  writer: { readonly vaultId: Uint8Array; readonly accountId: Uint8Array },
  wraps: readonly Wrap[],
): Promise<{ added: number }> {
  const { vaultId } = writer
  const vault = await deps.database
    .selectFrom('vaults')
    .innerJoin('members', 'members.vault_id', 'vaults.id')
    .select(['owner_id', 'role'])
    .where('vaults.id', '=', vaultId)
    .where('members.account_id', '=', writer.accountId)
    .where('members.state', '=', 'active')
    .executeTakeFirst()
  if (vault === undefined) throw new ServerError('not_found')
  if (vault.role === 'reader') throw new ServerError('forbidden')
  const outer = await deps.outerKeys.newest(vault.owner_id)
  return await deps.database.transaction().execute(async (tx) => {
    // The lock keeps the epoch, and the references, from changing meanwhile.
    const locked = await sql<{ epoch: number; head_seq: number }>`
      SELECT epoch, head_seq FROM vaults WHERE id = ${vaultId} FOR SHARE`.execute(tx)
    const { epoch, head_seq: seq } = locked.rows[0] ?? { epoch: 0, head_seq: 0 }
    if (wraps.some((wrap) => wrap.epoch !== epoch)) throw new ServerError('head_moved', { details: { seq } })
    const referred = await sql<{ blob_id: Uint8Array }>`
      SELECT blob_id FROM blob_references WHERE vault_id = ${vaultId}
        AND blob_id ${oneOf(wraps.map((wrap) => wrap.blobId))}`.execute(tx)
    const known = new Set(referred.rows.map((row) => hex(row.blob_id)))
    const wanted = wraps.filter((wrap) => known.delete(hex(wrap.blobId)))
    const input = { vaultId, owner: vault.owner_id, outer, wraps: wanted, required: [] }
    return { added: wanted.length === 0 ? 0 : await storeWraps(deps, tx, input) }
  })
}
