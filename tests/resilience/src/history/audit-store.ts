import { createHash } from 'node:crypto'
import { toHex } from '@strongroom/crypto'
import type { VaultState } from '@strongroom/vault'
import type pg from 'pg'
import type { ObjectStore } from '../../../../packages/server/src/ports/index.ts'

interface BlobRow {
  readonly id: Buffer
  readonly owner_id: Buffer
  readonly state: string
  readonly length: string | null
  readonly part_size: number
  readonly charged_bytes: string
  readonly digests: Buffer | null
  readonly reference_count: string
  readonly object_removed: boolean
}

/** States in which a blob is paid for. */
const CHARGED = ['reserved', 'stored', 'live']
/** States in which the store has its object. */
const WITH_OBJECT = ['stored', 'live']

/**
 * Whether database and store agree with each other and with what the logs add up to: one line for each thing that does
 * not. References are those of the logs, blobs with references are live and theirs alone, quotas are the sum of what
 * is charged, and every blob in use has its object, byte for byte.
 */
export async function storeViolations(
  pool: pg.Pool,
  store: Pick<ObjectStore, 'stat' | 'read' | 'list'>,
  states: readonly VaultState[],
): Promise<string[]> {
  const blobs = (await pool.query<BlobRow>('SELECT * FROM blobs')).rows
  return [
    ...(await referenceViolations(pool, states)),
    ...(await countViolations(pool, blobs)),
    ...(await chargeViolations(pool, blobs)),
    ...(await wrapViolations(pool)),
    ...(await objectViolations(store, blobs)),
  ]
}

async function referenceViolations(pool: pg.Pool, states: readonly VaultState[]): Promise<string[]> {
  const found: string[] = []
  for (const state of states) {
    const rows = await pool.query<{ blob_id: Buffer; count: string }>(
      'SELECT blob_id, count FROM blob_references WHERE vault_id = $1',
      [Buffer.from(state.vaultId)],
    )
    const counted = new Map(rows.rows.map((row) => [row.blob_id.toString('hex'), Number(row.count)]))
    for (const { blobId, count } of state.references.values()) {
      const other = counted.get(toHex(blobId))
      counted.delete(toHex(blobId))
      if (other !== count)
        found.push(`blob ${toHex(blobId)} has ${count} references in the log, ${other ?? 0} in the database`)
    }
    for (const [id, count] of counted) found.push(`blob ${id} has ${count} references that the log does not have`)
  }
  return found
}

async function countViolations(pool: pg.Pool, blobs: readonly BlobRow[]): Promise<string[]> {
  const rows = await pool.query<{ blob_id: Buffer; count: string }>(
    'SELECT blob_id, sum(count) AS count FROM blob_references GROUP BY blob_id',
  )
  const counted = new Map(rows.rows.map((row) => [row.blob_id.toString('hex'), Number(row.count)]))
  const found: string[] = []
  for (const { id, state, reference_count: held } of blobs) {
    const count = counted.get(id.toString('hex')) ?? 0
    if (count !== Number(held)) found.push(`blob ${id.toString('hex')} counts ${held} of ${count} references`)
    if (count > 0 !== (state === 'live')) found.push(`blob ${id.toString('hex')} is ${state} with ${count} references`)
  }
  return found
}

async function chargeViolations(pool: pg.Pool, blobs: readonly BlobRow[]): Promise<string[]> {
  const accounts = await pool.query<{ id: Buffer; used_bytes: string }>('SELECT id, used_bytes FROM accounts')
  const found: string[] = []
  const sums = new Map<string, number>()
  for (const { id, owner_id: owner, state, length, charged_bytes: charged } of blobs) {
    const key = owner.toString('hex')
    sums.set(key, (sums.get(key) ?? 0) + Number(charged))
    const expected = CHARGED.includes(state) ? Number(length ?? charged) : 0
    if (Number(charged) !== expected) found.push(`blob ${id.toString('hex')} is ${state} and charged ${charged} bytes`)
  }
  for (const { id, used_bytes: used } of accounts.rows) {
    const sum = sums.get(id.toString('hex')) ?? 0
    if (Number(used) !== sum) found.push(`an account is charged ${used} bytes for ${sum}`)
  }
  return found
}

async function wrapViolations(pool: pg.Pool): Promise<string[]> {
  const without = await pool.query(
    `SELECT FROM blob_references r WHERE NOT EXISTS
      (SELECT FROM wraps w WHERE w.vault_id = r.vault_id AND w.blob_id = r.blob_id)`,
  )
  return without.rowCount === 0 ? [] : [`${without.rowCount} blobs in use have no wrapped key`]
}

async function objectViolations(
  store: Pick<ObjectStore, 'stat' | 'read' | 'list'>,
  blobs: readonly BlobRow[],
): Promise<string[]> {
  const found: string[] = []
  const known = new Set(blobs.map(({ id }) => id.toString('hex')))
  for await (const { blobId } of store.list()) {
    if (blobId.length === 16 && !known.has(toHex(blobId))) found.push(`object ${toHex(blobId)} has no row`)
  }
  for (const row of blobs) {
    const name = `blob ${row.id.toString('hex')}, ${row.state},`
    if (row.state === 'deleted' && row.object_removed && (await store.stat(row.id)) !== null) {
      found.push(`${name} has an object that nobody will remove`)
    }
    if (!WITH_OBJECT.includes(row.state)) continue
    const stored = await store.stat(row.id)
    if (stored === null) found.push(`${name} has no object`)
    else if (stored.length !== Number(row.length)) found.push(`${name} has an object of another length`)
    else if (!(await hasDigests(store, row))) found.push(`${name} has an object of other bytes`)
  }
  return found
}

async function hasDigests(store: Pick<ObjectStore, 'read'>, row: BlobRow): Promise<boolean> {
  const pieces: Uint8Array[] = []
  for await (const piece of await store.read(row.id)) pieces.push(piece)
  const bytes = Buffer.concat(pieces)
  const digests: Buffer[] = []
  for (let at = 0; at < bytes.length; at += row.part_size) {
    digests.push(
      createHash('sha256')
        .update(bytes.subarray(at, at + row.part_size))
        .digest(),
    )
  }
  return row.digests?.equals(Buffer.concat(digests)) === true
}
