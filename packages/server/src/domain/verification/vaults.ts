import { CryptoError } from '@strongroom/crypto/errors'
import { type ChainState, VaultError, type VerifiedCommit, verifyCommit } from '@strongroom/vault/header'
import { sql } from 'kysely'
import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import { equal, hex } from '../bytes.ts'
import { commitVerifier } from '../commits/verifier.ts'
import type { Findings, Problem } from './problem.ts'

const VAULTS = 100
/** Commits are read by so many at a time; each has at most two megabytes. */
const COMMITS = 32
const REFERENCES = 5000

interface VaultRow {
  readonly id: Uint8Array
  readonly owner_id: Uint8Array
  readonly head_seq: number
  readonly head_hash: Uint8Array
}

/** Vaults: every commit's bytes, chain and signature, and the references, wraps and checkpoints that follow from them. */
export async function examineVaults(
  deps: { database: Database },
  after: Uint8Array,
  findings: Findings,
): Promise<void> {
  let last = after
  for (;;) {
    // What a deleted account left behind is being cleared away.
    const found = await sql<{ id: Uint8Array }>`
      SELECT v.id FROM vaults v WHERE v.id > ${last} AND EXISTS (SELECT 1 FROM accounts a WHERE a.id = v.owner_id)
      ORDER BY v.id LIMIT ${VAULTS}`.execute(deps.database)
    const end = found.rows.at(-1)
    if (end === undefined) return
    for (const { id } of found.rows) {
      findings.signal.throwIfAborted()
      const problems = await examineVault(deps.database, id, findings.signal)
      for (const problem of problems) await findings.report({ ...problem, vault: hex(id) })
      await findings.step(hex(id), 1)
    }
    last = end.id
  }
}

/** One vault, as it was at one moment. */
async function examineVault(database: Database, id: Uint8Array, signal: AbortSignal): Promise<Problem[]> {
  const transaction = database.transaction().setIsolationLevel('repeatable read').setAccessMode('read only')
  return transaction.execute(async (tx) => {
    const vault = (
      await sql<VaultRow>`
        SELECT v.id, v.owner_id, v.head_seq, v.head_hash FROM vaults v
        WHERE v.id = ${id} AND EXISTS (SELECT 1 FROM accounts a WHERE a.id = v.owner_id)`.execute(tx)
    ).rows[0]
    if (vault === undefined) return []
    const log = await readLog(tx, vault, signal)
    // Reason: without its whole log nothing can be said about what a vault refers to.
    if (log.problems.length > 0) return log.problems
    return [
      ...(await compareReferences(tx, id, log.references)),
      ...(await missingWraps(tx, id)),
      ...(await compareCheckpoint(tx, id, log.named)),
    ]
  })
}

interface Log {
  readonly problems: Problem[]
  readonly references: ReadonlyMap<string, number>
  /** Sequence numbers of the commits that name checkpoints. */
  readonly named: ReadonlySet<number>
}

async function readLog(tx: DatabaseTransaction, vault: VaultRow, signal: AbortSignal): Promise<Log> {
  const references = new Map<string, number>()
  const named = new Set<number>()
  let state: ChainState | null = null
  const broken = (problem: Problem): Log => ({ problems: [problem], references, named })
  for (let next = 0; next <= vault.head_seq; ) {
    signal.throwIfAborted()
    const page = await sql<{ seq: number; hash: Uint8Array; bytes: Uint8Array }>`
      SELECT seq, hash, bytes FROM commits WHERE vault_id = ${vault.id} AND seq >= ${next}
      ORDER BY seq LIMIT ${COMMITS}`.execute(tx)
    if (page.rows.length === 0) return broken({ kind: 'commit_missing', seq: next })
    for (const { seq, hash, bytes } of page.rows) {
      if (seq !== next) return broken({ kind: 'commit_missing', seq: next })
      const commit = await verified(state, bytes)
      if (commit === null || !equal(commit.hash, hash) || !equal(commit.header.vaultId, vault.id)) {
        return broken({ kind: 'commit_damaged', seq })
      }
      state = commit.next
      fold(references, commit)
      if (commit.header.checkpointHash !== null) named.add(seq)
      next += 1
    }
  }
  const head: ChainState['head'] = state?.head ?? null
  const isHead = head !== null && head.seq === vault.head_seq && equal(head.hash, vault.head_hash)
  return isHead ? { problems: [], references, named } : broken({ kind: 'head', seq: vault.head_seq })
}

async function verified(state: ChainState | null, bytes: Uint8Array): Promise<VerifiedCommit | null> {
  try {
    return await verifyCommit({ ...commitVerifier, state, bytes })
  } catch (error) {
    if (error instanceof VaultError || error instanceof CryptoError) return null
    throw error
  }
}

function fold(references: Map<string, number>, { section }: VerifiedCommit): void {
  const add = (id: Uint8Array, delta: number): void => {
    const count = (references.get(hex(id)) ?? 0) + delta
    if (count === 0) references.delete(hex(id))
    else references.set(hex(id), count)
  }
  for (const { blobId, count } of section.added) add(blobId, count)
  for (const { blobId, count } of section.released) add(blobId, -count)
}

async function compareReferences(
  tx: DatabaseTransaction,
  vaultId: Uint8Array,
  expected: ReadonlyMap<string, number>,
): Promise<Problem[]> {
  const problems: Problem[] = []
  const left = new Map(expected)
  let last: Uint8Array = Buffer.alloc(0)
  for (;;) {
    const found = await sql<{ blob_id: Uint8Array; count: number }>`
      SELECT blob_id, count FROM blob_references WHERE vault_id = ${vaultId} AND blob_id > ${last}
      ORDER BY blob_id LIMIT ${REFERENCES}`.execute(tx)
    for (const row of found.rows) {
      const blob = hex(row.blob_id)
      const count = left.get(blob) ?? 0
      left.delete(blob)
      if (count !== row.count) problems.push({ kind: 'references', blob, expected: count, found: row.count })
    }
    const end = found.rows.at(-1)
    if (end === undefined) break
    last = end.blob_id
  }
  for (const [blob, count] of left) problems.push({ kind: 'references', blob, expected: count, found: 0 })
  return problems
}

async function missingWraps(tx: DatabaseTransaction, vaultId: Uint8Array): Promise<Problem[]> {
  // Of a lost blob, the key may be lost as well.
  const found = await sql<{ blob_id: Uint8Array }>`
    SELECT r.blob_id FROM blob_references r JOIN blobs b ON b.id = r.blob_id
    WHERE r.vault_id = ${vaultId} AND b.state <> 'lost'
      AND NOT EXISTS (SELECT 1 FROM wraps w WHERE w.vault_id = r.vault_id AND w.blob_id = r.blob_id)
    ORDER BY r.blob_id`.execute(tx)
  return found.rows.map((row) => ({ kind: 'wrap_missing', blob: hex(row.blob_id) }))
}

/** A log that a device has given back may have lost its newest checkpoint, but none is of a commit that names none. */
async function compareCheckpoint(
  tx: DatabaseTransaction,
  id: Uint8Array,
  named: ReadonlySet<number>,
): Promise<Problem[]> {
  const row = await tx.selectFrom('checkpoints').select('named_by_seq').where('vault_id', '=', id).executeTakeFirst()
  return row === undefined || named.has(row.named_by_seq) ? [] : [{ kind: 'checkpoint', seq: row.named_by_seq }]
}
