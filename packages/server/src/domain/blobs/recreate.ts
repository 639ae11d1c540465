import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import { type BlobStore, BlobStoreError, type Clock } from '../../ports/index.ts'
import { byId, equal, hex } from '../bytes.ts'
import { eachConcurrently } from '../concurrency.ts'
import { partCount } from './layout.ts'
import { charge, lockAccount } from './quota.ts'
import { type BlobRow, blobsGone, lockBlobs, readBlobs } from './rows.ts'
import { adoptOrphans } from './sweep.ts'

const STORE_CONCURRENCY = 4
const MIB = 1024 * 1024

/** What a device remembers of a stored blob. */
export interface RememberedBlob {
  readonly blobId: Uint8Array
  readonly blobLength: number
  readonly partSize: number
  /** SHA-256 of each part. */
  readonly digests: Uint8Array
}

interface Deps {
  database: Database
  store: BlobStore
  clock: Clock
}

/** Which blobs of a commit the store has: those that were read and compared, and those that have only been seen. */
export interface FoundBlobs {
  readonly verified: ReadonlyMap<string, RememberedBlob>
  readonly present: ReadonlySet<string>
}

/**
 * Looks for objects. Those whose rows are to be made are read whole and held against the digest list, so that nobody
 * gets a row for an object whose content they do not know.
 */
export async function findObjects(
  deps: Deps,
  ids: readonly Uint8Array[],
  remembered: readonly RememberedBlob[],
): Promise<FoundBlobs> {
  const rows = await readBlobs(deps.database, ids)
  const known = new Map(remembered.map((blob) => [hex(blob.blobId), blob]))
  const verified = new Map<string, RememberedBlob>()
  const present = new Set<string>()
  await eachConcurrently(ids, STORE_CONCURRENCY, async (id) => {
    const row = rows.get(hex(id))
    const blob = known.get(hex(id))
    if (row?.state === 'live') return
    const stored = await deps.store.stat(id)
    if (stored === null) return
    if (row?.state === 'stored' || row?.state === 'condemned') {
      if (stored.length === row.length) present.add(hex(id))
    } else if (blob !== undefined && stored.length === blob.blobLength && (await holds(deps.store, blob))) {
      verified.set(hex(id), blob)
    }
  })
  return { verified, present }
}

/** Whether an object's parts have the digests that are claimed. */
async function holds(store: BlobStore, blob: RememberedBlob): Promise<boolean> {
  const { blobId, blobLength, partSize, digests } = blob
  const parts = partCount(blobLength, partSize)
  if (parts < 1 || digests.length !== parts * 32) return false
  try {
    for (let part = 0; part < parts; part += 1) {
      const offset = part * partSize
      const hash = createHash('sha256')
      const range = { offset, length: Math.min(partSize, blobLength - offset) }
      for await (const chunk of await store.read(blobId, range)) hash.update(chunk)
      if (!equal(hash.digest(), digests.subarray(part * 32, part * 32 + 32))) return false
    }
    return true
  } catch (error) {
    if (error instanceof BlobStoreError && ['not_found', 'damaged', 'range_invalid'].includes(error.code)) return false
    throw error
  }
}

/**
 * Gives each of `ids` a row that a commit can refer to: `stored` where the object is there, otherwise `lost`. Lost ones
 * whose object is there by now become usable again. Quotas do not count here: what comes back was within them.
 *
 * @throws ServerError `blob_gone` when an object is being deleted at this moment
 */
export async function recreateBlobs(
  deps: Deps,
  tx: DatabaseTransaction,
  input: { readonly ownerId: Uint8Array; readonly ids: readonly Uint8Array[]; readonly found: FoundBlobs },
): Promise<void> {
  const { ownerId, found } = input
  const ids = [...input.ids].sort(byId((id) => id))
  const owners = new Map([...(await readBlobs(tx, ids)).values()].map((row) => [hex(row.owner_id), row.owner_id]))
  owners.set(hex(ownerId), ownerId)
  for (const owner of [...owners.values()].sort(byId((id) => id))) await lockAccount(tx, owner)
  // Invariant: a removal that has begun ends first; one that comes later finds the row no longer deleted.
  await sql`
    SELECT pg_advisory_xact_lock(hashtextextended(encode(id, 'hex'), 0))
    FROM (SELECT DISTINCT id FROM unnest(${ids}::bytea[]) AS t (id) ORDER BY id) ordered`.execute(tx)
  const rows = await lockBlobs(tx, ids)
  const made: Uint8Array[] = []
  for (const id of ids) {
    const row = rows.get(hex(id))
    const to = nextState(row, found, id)
    if (to === null) continue
    if (row === undefined) made.push(id)
    await write(deps, tx, { id, row, ownerId: row?.owner_id ?? ownerId, blob: to === 'lost' ? null : to })
  }
  const doomed = await adoptOrphans(tx, made)
  if (doomed.length > 0) throw blobsGone(doomed)
}

/** What becomes of a blob: what is remembered of a verified one, `lost`, or null where it stays as it is. */
function nextState(row: BlobRow | undefined, found: FoundBlobs, id: Uint8Array): RememberedBlob | 'lost' | null {
  const verified = found.verified.get(hex(id))
  switch (row?.state) {
    case undefined:
    case 'reserved':
      return verified ?? 'lost'
    case 'lost':
      return verified ?? null
    // What was being removed when its object was looked at may be gone: the next request looks again.
    case 'deleted':
      return 'lost'
    case 'stored':
    case 'condemned':
      return found.present.has(hex(id)) ? null : 'lost'
    case 'live':
      return null
  }
}

async function write(
  { clock }: Deps,
  tx: DatabaseTransaction,
  input: { id: Uint8Array; row: BlobRow | undefined; ownerId: Uint8Array; blob: RememberedBlob | null },
): Promise<void> {
  const { id, row, ownerId, blob } = input
  const count = row?.reference_count ?? 0
  const values = {
    state: blob === null ? ('lost' as const) : count > 0 ? ('live' as const) : ('stored' as const),
    length: blob?.blobLength ?? row?.length ?? null,
    part_size: blob?.partSize ?? row?.part_size ?? 8 * MIB,
    charged_bytes: blob?.blobLength ?? 0,
    digests: blob?.digests ?? null,
    upload_id: null,
    condemned_ms: null,
    active_ms: clock.nowMs(),
  }
  if (row === undefined) {
    await tx
      .insertInto('blobs')
      .values({ id, owner_id: ownerId, reference_count: 0, urls_end_ms: 0, ...values })
      .execute()
  } else await tx.updateTable('blobs').set(values).where('id', '=', id).execute()
  const deltaBytes = values.charged_bytes - (row?.charged_bytes ?? 0)
  if (deltaBytes !== 0) await charge(tx, { accountId: ownerId, deltaBytes, limit: 'none' })
}
