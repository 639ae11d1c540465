import { signatureMessage, type WrapsConfirmation, wrapsConfirmationMessage } from '@strongroom/crypto/envelope'
import { CryptoError } from '@strongroom/crypto/errors'
import { decodeChainState, findMember } from '@strongroom/vault/header'
import { sql } from 'kysely'
import type { Database } from '../../database/tables.ts'
import type { Clock } from '../../ports/index.ts'
import { equal, hex, sha256 } from '../bytes.ts'
import { ServerError } from '../errors.ts'
import type { Lease } from '../jobs/lease.ts'
import type { OuterKeys } from '../keys/outer-keys.ts'
import { openOuter } from '../keys/outer-layer.ts'
import { wrapPlace } from '../keys/places.ts'
import { commitVerifier } from './verifier.ts'

const BATCH = 500

// [Note: Older wraps]
// After a new epoch each content has a wrap under the new vault key and those under older ones. The older ones are what
// a thief of an old vault key can use; they may go only if somebody has opened the new one. A session's token is not
// enough to say so, for whoever stole one could have every key removed: an owner signs what was opened, with the hash of
// each wrap, and the server compares that with what it keeps.

/**
 * Takes an owner's word that wraps of the newest epoch hold the right keys. Repeating it is harmless.
 *
 * @returns how many of them are stored as they were confirmed
 * @throws ServerError `not_found` (no member), `forbidden` (no owner, or a signature that does not hold), `head_moved` for
 *   another epoch than the newest, `bad_request`
 */
export async function confirmWraps(
  deps: { database: Database; clock: Clock; outerKeys: OuterKeys },
  accountId: Uint8Array,
  input: WrapsConfirmation & { readonly signature: Uint8Array },
): Promise<{ confirmed: number }> {
  const { vaultId, epoch, wraps } = input
  const vault = await deps.database
    .selectFrom('vaults')
    .innerJoin('members', 'members.vault_id', 'vaults.id')
    .select(['owner_id', 'epoch', 'head_seq', 'chain_state', 'role'])
    .where('vaults.id', '=', vaultId)
    .where('members.account_id', '=', accountId)
    .where('members.state', '=', 'active')
    .executeTakeFirst()
  if (vault === undefined) throw new ServerError('not_found')
  const member = findMember(decodeChainState(vault.chain_state).members, accountId)
  if (vault.role !== 'owner' || member?.role !== 'owner' || member.state !== 'active')
    throw new ServerError('forbidden')
  if (!(await isSigned(input, member.publicKey))) throw new ServerError('forbidden')
  if (epoch !== vault.epoch) throw new ServerError('head_moved', { details: { seq: vault.head_seq } })
  const rows = await sql<{ blob_id: Uint8Array; outer_version: number; sealed: Uint8Array }>`
    SELECT blob_id, outer_version, sealed FROM wraps WHERE vault_id = ${vaultId} AND epoch = ${epoch}
      AND blob_id = ANY(${wraps.map((wrap) => wrap.blobId)}::bytea[])`.execute(deps.database)
  const hashes = new Map(wraps.map((wrap) => [hex(wrap.blobId), wrap.sha256]))
  const right: Uint8Array[] = []
  for (const row of rows.rows) {
    const key = await deps.outerKeys.version(vault.owner_id, row.outer_version)
    const bytes = openOuter(key, wrapPlace(vault.owner_id, vaultId, epoch, row.blob_id), row.sealed)
    const hash = hashes.get(hex(row.blob_id))
    if (hash !== undefined && equal(sha256(bytes), hash)) right.push(row.blob_id)
  }
  // A wrap is never replaced, so that what was compared is what is marked.
  await sql`
    UPDATE wraps w SET confirmed_ms = ${deps.clock.nowMs()}
    WHERE vault_id = ${vaultId} AND epoch = ${epoch} AND blob_id = ANY(${right}::bytea[]) AND confirmed_ms IS NULL
      AND EXISTS (SELECT 1 FROM wraps o
        WHERE o.vault_id = w.vault_id AND o.blob_id = w.blob_id AND o.epoch < w.epoch)`.execute(deps.database)
  return { confirmed: right.length }
}

async function isSigned(
  { signature, ...confirmation }: WrapsConfirmation & { readonly signature: Uint8Array },
  publicKey: Uint8Array,
): Promise<boolean> {
  try {
    const message = signatureMessage('wraps', sha256(wrapsConfirmationMessage(confirmation)))
    return await commitVerifier.engine.ed25519Verify(publicKey, message, signature)
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause
    throw new ServerError('bad_request', { details: { path: 'wraps' }, cause })
  }
}

/**
 * Removes wraps below those that were confirmed at least `graceMs` ago; returns how many. Nothing of a disabled account
 * goes, for which time stands still.
 *
 * @param graceMs - as for blobs: never shorter than the time back to which a database may be restored
 */
export async function removeOlderWraps(
  deps: { database: Database; clock: Clock; retention: { readonly graceMs: number } },
  lease: Pick<Lease, 'step'>,
): Promise<number> {
  const beforeMs = deps.clock.nowMs() - deps.retention.graceMs
  let removed = 0
  for (;;) {
    await lease.step()
    const { due, gone } = await deps.database.transaction().execute(async (tx) => {
      const found = await sql<{ vault_id: Uint8Array; blob_id: Uint8Array; epoch: number }>`
        SELECT vault_id, blob_id, epoch FROM wraps w WHERE confirmed_ms <= ${beforeMs}
          AND NOT EXISTS (SELECT 1 FROM vaults v JOIN accounts a ON a.id = v.owner_id
            WHERE v.id = w.vault_id AND a.disabled_ms IS NOT NULL)
        ORDER BY vault_id, blob_id, epoch LIMIT ${BATCH} FOR UPDATE`.execute(tx)
      const rows = found.rows
      const confirmed = sql`unnest(
        ${rows.map((row) => row.vault_id)}::bytea[],
        ${rows.map((row) => row.blob_id)}::bytea[],
        ${rows.map((row) => row.epoch)}::bigint[]) AS c (vault_id, blob_id, epoch)`
      const deleted = await sql`
        DELETE FROM wraps w USING ${confirmed}
        WHERE w.vault_id = c.vault_id AND w.blob_id = c.blob_id AND w.epoch < c.epoch`.execute(tx)
      await sql`
        UPDATE wraps w SET confirmed_ms = NULL FROM ${confirmed}
        WHERE w.vault_id = c.vault_id AND w.blob_id = c.blob_id AND w.epoch = c.epoch`.execute(tx)
      return { due: rows.length, gone: Number(deleted.numAffectedRows ?? 0n) }
    })
    removed += gone
    if (due < BATCH) return removed
  }
}
