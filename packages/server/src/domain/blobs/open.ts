import { LIMITS } from '@strongroom/protocol'
import { sql } from 'kysely'
import { oneOf } from '../../database/parameters.ts'
import type { Database } from '../../database/tables.ts'
import type { BlobStore, Clock } from '../../ports/index.ts'
import { hex } from '../bytes.ts'
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
  const expiresAtMs = deps.clock.nowMs() + LIMITS.urlLifeMs
  const found = await readForOpening(deps.database, reader, { blobIds, expiresAtMs })
  const opened = new Map<string, OpenedBlob>()
  for (const row of found) {
    const { id, length, digests } = row
    if (length === null || digests === null) throw new ServerError('stored_data_damaged')
    const wrap = await openWrap(deps, reader.vaultId, row)
    const earlier = opened.get(hex(id))
    if (earlier !== undefined) {
      if (wrap !== null) earlier.wraps.push(wrap)
      continue
    }
    const url = await deps.store.presignGet(id, length, expiresAtMs)
    const wraps = wrap === null ? [] : [wrap]
    opened.set(hex(id), { blobId: id, blobLength: length, wraps, digests, url, expiresAtMs })
  }
  return blobIds.map((blobId) => {
    const blob = opened.get(hex(blobId))
    if (blob === undefined) throw new ServerError('not_found')
    return blob
  })
}

/** A blob and one of its wraps, or null for a blob without any. */
interface FoundRow {
  readonly id: Uint8Array
  readonly length: number | null
  readonly digests: Uint8Array | null
  readonly owner_id: Uint8Array
  readonly epoch: number | null
  readonly outer_version: number | null
  readonly sealed: Uint8Array | null
}

/**
 * Live blobs of the vault that a member asks for, each with its wraps, newest first; no rows for who is no member.
 *
 * Reason for the one statement: most requests open one blob, and then each statement more costs as much as the rest.
 */
async function readForOpening(
  database: Database,
  { vaultId, accountId }: { vaultId: Uint8Array; accountId: Uint8Array },
  { blobIds, expiresAtMs }: { blobIds: readonly Uint8Array[]; expiresAtMs: number },
): Promise<readonly FoundRow[]> {
  // Writing the end of the URLs takes the row locks that the collector respects.
  const found = await sql<FoundRow>`
    WITH found AS (
      SELECT b.id
      FROM members m
        JOIN blob_references r ON r.vault_id = m.vault_id
        JOIN blobs b ON b.id = r.blob_id
      WHERE m.vault_id = ${vaultId} AND m.account_id = ${accountId} AND m.state = 'active'
        AND r.blob_id ${oneOf(blobIds)} AND b.state = 'live'
      ORDER BY b.id FOR UPDATE OF b
    ), opened AS (
      UPDATE blobs SET urls_end_ms = greatest(urls_end_ms, ${expiresAtMs}) FROM found WHERE blobs.id = found.id
      RETURNING blobs.id, blobs.length, blobs.digests
    )
    SELECT o.id, o.length, o.digests, v.owner_id, w.epoch, w.outer_version, w.sealed
    FROM opened o JOIN vaults v ON v.id = ${vaultId} LEFT JOIN wraps w ON w.vault_id = v.id AND w.blob_id = o.id
    ORDER BY w.epoch DESC`.execute(database)
  return found.rows
}

async function openWrap(
  { outerKeys }: Pick<Deps, 'outerKeys'>,
  vaultId: Uint8Array,
  { id: blobId, owner_id, epoch, outer_version, sealed }: FoundRow,
): Promise<OpenedBlob['wraps'][number] | null> {
  if (epoch === null || outer_version === null || sealed === null) return null
  const key = await outerKeys.version(owner_id, outer_version)
  return { blobId, epoch, bytes: openOuter(key, wrapPlace(owner_id, vaultId, epoch, blobId), sealed) }
}
