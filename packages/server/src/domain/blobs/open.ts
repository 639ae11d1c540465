import { LIMITS } from '@strongroom/protocol'
import { sql } from 'kysely'
import type { Database } from '../../database/tables.ts'
import type { BlobStore, Clock } from '../../ports/index.ts'
import { hex } from '../bytes.ts'
import { requireMember } from '../commits/access.ts'
import { ServerError } from '../errors.ts'
import type { OuterKeys } from '../keys/outer-keys.ts'
import { openOuter } from '../keys/outer-layer.ts'
import { wrapPlace } from '../keys/places.ts'

export interface OpenedBlob {
  readonly blobId: Uint8Array
  readonly blobLength: number
  /** Newest epoch first. */
  readonly wraps: { blobId: Uint8Array; epoch: number; bytes: Uint8Array }[]
  readonly digests: Uint8Array
  readonly url: string
  readonly expiresAtMs: number
}

interface Deps {
  database: Database
  store: BlobStore
  clock: Clock
  outerKeys: OuterKeys
}

/**
 * What a member needs to read blobs of a vault: wrapped DEKs as clients sealed them, digest lists, presigned URLs.
 *
 * @throws ServerError `not_found` for who is no member, and for blobs that the vault does not refer to
 */
export async function openBlobs(
  deps: Deps,
  reader: { vaultId: Uint8Array; accountId: Uint8Array },
  blobIds: readonly Uint8Array[],
): Promise<OpenedBlob[]> {
  await requireMember(deps.database, reader.vaultId, reader.accountId)
  const expiresAtMs = deps.clock.nowMs() + LIMITS.urlLifeMs
  // Writing the end of the URLs takes the row locks that the collector respects.
  const blobs = await sql<{ id: Uint8Array; length: number | null; digests: Uint8Array | null }>`
    UPDATE blobs SET urls_end_ms = greatest(urls_end_ms, ${expiresAtMs})
    FROM (
      SELECT b.id FROM blobs b JOIN blob_references r ON r.blob_id = b.id AND r.vault_id = ${reader.vaultId}
      WHERE b.id = ANY(${blobIds}::bytea[]) AND b.state = 'live' ORDER BY b.id FOR UPDATE OF b
    ) found
    WHERE blobs.id = found.id
    RETURNING blobs.id, blobs.length, blobs.digests`.execute(deps.database)
  const byHexId = new Map(blobs.rows.map((row) => [hex(row.id), row]))
  const wraps = await readWraps(deps, reader.vaultId, blobIds)
  return Promise.all(
    blobIds.map(async (blobId) => {
      const row = byHexId.get(hex(blobId))
      if (row === undefined) throw new ServerError('not_found')
      if (row.length === null || row.digests === null) throw new ServerError('stored_data_damaged')
      return {
        blobId,
        blobLength: row.length,
        wraps: wraps.get(hex(blobId)) ?? [],
        digests: row.digests,
        url: await deps.store.presignGet(blobId, row.length, expiresAtMs),
        expiresAtMs,
      }
    }),
  )
}

async function readWraps(
  deps: Deps,
  vaultId: Uint8Array,
  blobIds: readonly Uint8Array[],
): Promise<Map<string, OpenedBlob['wraps']>> {
  const rows = await sql<{
    blob_id: Uint8Array
    epoch: number
    outer_version: number
    sealed: Uint8Array
    owner_id: Uint8Array
  }>`
    SELECT w.blob_id, w.epoch, w.outer_version, w.sealed, v.owner_id
    FROM wraps w JOIN vaults v ON v.id = w.vault_id
    WHERE w.vault_id = ${vaultId} AND w.blob_id = ANY(${blobIds}::bytea[])
    ORDER BY w.epoch DESC`.execute(deps.database)
  const wraps = new Map<string, OpenedBlob['wraps']>()
  for (const row of rows.rows) {
    const key = await deps.outerKeys.version(row.owner_id, row.outer_version)
    const bytes = openOuter(key, wrapPlace(row.owner_id, vaultId, row.epoch, row.blob_id), row.sealed)
    const list = wraps.get(hex(row.blob_id)) ?? []
    list.push({ blobId: row.blob_id, epoch: row.epoch, bytes })
    wraps.set(hex(row.blob_id), list)
  }
  return wraps
}
