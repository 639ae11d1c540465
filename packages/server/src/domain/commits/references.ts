import type { Section } from '@strongroom/vault/header'
import { sql } from 'kysely'
import { oneOf, rowsOf } from '../../database/parameters.ts'
import type { DatabaseTransaction } from '../../database/tables.ts'
import { charge, lockAccount } from '../blobs/quota.ts'
import { type BlobRow, type BlobRows, blobsGone, lockBlobs, readBlobs } from '../blobs/rows.ts'
import { byId, equal, hex } from '../bytes.ts'
import { ServerError } from '../errors.ts'

interface Change {
  readonly blobId: Uint8Array
  /** References gained or, negative, lost. */
  readonly delta: number
  readonly sourceVault: Uint8Array | null
}

interface Input {
  readonly vaultId: Uint8Array
  readonly accountId: Uint8Array
  readonly section: Section
  readonly now: number
  /** Whether lost blobs may be added: they stay lost. */
  readonly lostAllowed?: boolean
}

/**
 * Applies a commit's references: counts per vault and per blob, and the states and charges that follow from them
 * (stored → live, live → condemned at zero, condemned → live, lost → deleted at zero). Returns the blobs that the vault did not refer to.
 *
 * @throws ServerError `blob_not_ready`, `blob_gone`, `not_found` (no right to add it), `commit_rejected` (released
 *   more than there is), `quota_exceeded` (reviving)
 */
export async function applyReferences(
  deps: { quotaBytes: number },
  tx: DatabaseTransaction,
  input: Input,
): Promise<Uint8Array[]> {
  const changes: Change[] = [
    ...input.section.added.map(({ blobId, count, sourceVault }) => ({ blobId, delta: count, sourceVault })),
    ...input.section.released.map(({ blobId, count }) => ({ blobId, delta: -count, sourceVault: null })),
  ].sort(byId((change) => change.blobId))
  if (changes.length === 0) return []
  const ids = changes.map((change) => change.blobId)
  await lockOwners(tx, await readBlobs(tx, ids))
  const blobs = await lockBlobs(tx, ids)
  const counts = await readCounts(tx, input.vaultId, ids)
  await checkRights(tx, input, { changes, blobs, counts })
  const gone = changes.filter(
    (change) => change.delta > 0 && isMissing(blobs.get(hex(change.blobId)), input.lostAllowed === true),
  )
  if (gone.length > 0) throw blobsGone(gone.map((change) => change.blobId))
  for (const change of changes) checkChange(change, blobs.get(hex(change.blobId)), counts.get(hex(change.blobId)) ?? 0)
  await writeCounts(tx, input.vaultId, changes)
  await writeStates(deps, tx, { changes, blobs, now: input.now })
  return ids.filter((id) => !counts.has(hex(id)))
}

async function lockOwners(tx: DatabaseTransaction, blobs: BlobRows): Promise<void> {
  const owners = new Map([...blobs.values()].map((row) => [hex(row.owner_id), row.owner_id]))
  for (const owner of [...owners.values()].sort(byId((id) => id))) await lockAccount(tx, owner)
}

async function readCounts(
  tx: DatabaseTransaction,
  vaultId: Uint8Array,
  ids: readonly Uint8Array[],
): Promise<Map<string, number>> {
  const rows = await sql<{ blob_id: Uint8Array; count: number }>`
    SELECT blob_id, count FROM blob_references
    WHERE vault_id = ${vaultId} AND blob_id ${oneOf(ids)}`.execute(tx)
  return new Map(rows.rows.map((row) => [hex(row.blob_id), row.count]))
}

/**
 * A blob may be added by who uploaded it while nothing refers to it, or from a vault, this one included, that refers
 * to it and that the author is a member of.
 */
async function checkRights(
  tx: DatabaseTransaction,
  input: Input,
  known: { changes: readonly Change[]; blobs: BlobRows; counts: ReadonlyMap<string, number> },
): Promise<void> {
  const foreign = known.changes.filter((change) => {
    if (change.delta < 0 || known.counts.has(hex(change.blobId))) return false
    const row = known.blobs.get(hex(change.blobId))
    return row !== undefined && (change.sourceVault !== null || !equal(row.owner_id, input.accountId))
  })
  if (foreign.length === 0) return
  if (foreign.some((change) => change.sourceVault === null)) throw new ServerError('not_found')
  const found = await sql<{ count: number }>`
    SELECT count(*) AS count
    FROM unnest(
      ${foreign.map((change) => change.blobId)}::bytea[],
      ${foreign.map((change) => change.sourceVault)}::bytea[]
    ) AS t (blob_id, vault_id)
    JOIN blob_references r ON r.blob_id = t.blob_id AND r.vault_id = t.vault_id
    JOIN members m ON m.vault_id = t.vault_id AND m.account_id = ${input.accountId} AND m.state = 'active'`.execute(tx)
  if (found.rows[0]?.count !== foreign.length) throw new ServerError('not_found')
}

function isMissing(row: BlobRow | undefined, lostAllowed: boolean): boolean {
  return row === undefined || row.state === 'deleted' || (row.state === 'lost' && !lostAllowed)
}

function checkChange(change: Change, row: BlobRow | undefined, count: number): void {
  if (change.delta < 0) {
    if (count + change.delta >= 0) return
    throw new ServerError('commit_rejected', { details: { reason: 'released_too_often' } })
  }
  if (row === undefined || row.state === 'reserved') throw new ServerError('blob_not_ready')
}

/** Blob ids and what each gains, as rows of a statement. */
function deltasOf(changes: readonly Change[]) {
  const ids = changes.map(({ blobId }) => blobId)
  return rowsOf({ type: 'bytea', values: ids }, { type: 'bigint', values: changes.map(({ delta }) => delta) })
}

async function writeCounts(tx: DatabaseTransaction, vaultId: Uint8Array, changes: readonly Change[]): Promise<void> {
  const gained = changes.filter((change) => change.delta > 0)
  const lost = changes.filter((change) => change.delta < 0)
  if (gained.length > 0) {
    await sql`
      INSERT INTO blob_references (vault_id, blob_id, count)
      SELECT ${vaultId}, blob_id, delta
      FROM ${deltasOf(gained)} AS t (blob_id, delta)
      ON CONFLICT (vault_id, blob_id) DO UPDATE SET count = blob_references.count + excluded.count`.execute(tx)
  }
  if (lost.length > 0) {
    // A row never holds zero, so those that end are deleted before the others are lowered.
    await sql`
      DELETE FROM blob_references r USING ${deltasOf(lost)} AS t (blob_id, delta)
      WHERE r.vault_id = ${vaultId} AND r.blob_id = t.blob_id AND r.count + t.delta = 0`.execute(tx)
    await sql`
      UPDATE blob_references r SET count = r.count + t.delta
      FROM ${deltasOf(lost)} AS t (blob_id, delta)
      WHERE r.vault_id = ${vaultId} AND r.blob_id = t.blob_id`.execute(tx)
  }
}

async function writeStates(
  deps: { quotaBytes: number },
  tx: DatabaseTransaction,
  input: { changes: readonly Change[]; blobs: BlobRows; now: number },
): Promise<void> {
  const charges = new Map<string, { accountId: Uint8Array; deltaBytes: number }>()
  for (const change of input.changes) {
    const row = input.blobs.get(hex(change.blobId))
    if (row === undefined || row.state === 'lost') continue
    const after = row.reference_count + change.delta
    const revived = row.state === 'condemned' && after > 0
    const condemned = row.state === 'live' && after === 0
    if (!revived && !condemned) continue
    const entry = charges.get(hex(row.owner_id)) ?? { accountId: row.owner_id, deltaBytes: 0 }
    entry.deltaBytes += revived ? (row.length ?? 0) : -row.charged_bytes
    charges.set(hex(row.owner_id), entry)
  }
  await sql`
    UPDATE blobs b SET
      reference_count = b.reference_count + t.delta,
      state = CASE
        WHEN b.state = 'lost' THEN CASE WHEN b.reference_count + t.delta > 0 THEN 'lost' ELSE 'deleted' END
        WHEN b.reference_count + t.delta > 0 THEN 'live' ELSE 'condemned' END,
      charged_bytes = CASE WHEN b.state <> 'lost' AND b.reference_count + t.delta > 0 THEN b.length ELSE 0 END,
      condemned_ms = CASE
        WHEN b.state = 'lost' OR b.reference_count + t.delta > 0 THEN NULL ELSE ${input.now}::bigint END,
      active_ms = ${input.now}
    FROM ${deltasOf(input.changes)} AS t (id, delta)
    WHERE b.id = t.id`.execute(tx)
  for (const entry of [...charges.values()].sort(byId((item) => item.accountId))) {
    if (entry.deltaBytes !== 0) await charge(tx, { ...entry, defaultQuotaBytes: deps.quotaBytes })
  }
}
