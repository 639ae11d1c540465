import { toHex, vaultKeys } from '@strongroom/crypto'
import { nodeEngine } from '@strongroom/crypto/node'
import { applyCommit, type ChainState, emptyState, readBody, type VaultState, verifyCommit } from '@strongroom/vault'
import type pg from 'pg'
import { openSignedIn } from '../../../../packages/client/src/session/profile-keys.ts'
import { FIRST_MTIME_MS } from './acts.ts'
import type { FinalLog, LoggedCommit } from './check-history.ts'
import type { HistoryDevice } from './device.ts'
import type { PutFile } from './history.ts'

const engine = nodeEngine()

/** What a vault's log adds up to, read by someone who trusts nothing and keeps nothing. */
export interface Truth {
  readonly log: FinalLog
  readonly state: VaultState
  readonly broken: readonly string[]
}

/** Replays what the database holds of a device's vault. */
export async function readTruth(pool: pg.Pool, device: HistoryDevice): Promise<Truth> {
  const signedIn = await openSignedIn(device.platform)
  if (signedIn === null) throw new Error('a device keeps its profile')
  const { vaultId, vaultEpoch: epoch, vaultKey } = signedIn.keyring
  const { logKey } = await vaultKeys(engine, vaultKey, { vaultId, epoch })
  const id = Buffer.from(vaultId)
  const rows = await pool.query<{ seq: string; hash: Buffer; bytes: Buffer }>(
    'SELECT seq, hash, bytes FROM commits WHERE vault_id = $1 ORDER BY seq',
    [id],
  )
  const heads = await pool.query<{ head_seq: string; head_hash: Buffer }>(
    'SELECT head_seq, head_hash FROM vaults WHERE id = $1',
    [id],
  )
  const state = await emptyState(engine, vaultId)
  const commits: LoggedCommit[] = []
  const broken: string[] = []
  let chain: ChainState | null = null
  for (const { seq, hash, bytes } of rows.rows) {
    const verified = await verifyCommit({ hasher: engine, verifier: engine, state: chain, bytes })
    chain = verified.next
    const { header, section } = verified
    if (!hash.equals(Buffer.from(verified.hash))) broken.push(`seq ${seq} is stored under another hash`)
    commits.push({
      seq: Number(seq),
      hash: toHex(verified.hash),
      prev: toHex(header.prev),
      changeId: toHex(section.changeId),
    })
    const operations = await readBody(engine, logKey, header, verified.sealedBody)
    const result = applyCommit(state, { ...verified, operations })
    if (!result.applied) broken.push(`seq ${seq} does not apply: ${result.reason}`)
  }
  const head = heads.rows[0]
  return {
    log: {
      vault: device.vault,
      head: { seq: Number(head?.head_seq ?? -1), hash: head?.head_hash.toString('hex') ?? '' },
      commits,
    },
    state,
    broken,
  }
}

/** Whether every put is where its user was told: its content is there once, not at all, or nobody knows. */
export function putViolations(state: VaultState, puts: readonly PutFile[]): string[] {
  const blobs = new Map<number, Set<string>>()
  for (const node of state.nodes.values()) {
    for (const { mtimeMs, contents } of node.versions) {
      const number = mtimeMs - FIRST_MTIME_MS
      const own = blobs.get(number) ?? new Set()
      for (const { blobId } of contents) own.add(toHex(blobId))
      blobs.set(number, own)
    }
  }
  const found: string[] = []
  for (const { number, expected, by } of puts) {
    const times = blobs.get(number)?.size ?? 0
    if (expected === 'kept' && times === 0) found.push(`put ${number} of ${by} was acknowledged and is lost`)
    if (expected === 'none' && times > 0) found.push(`put ${number} of ${by} was refused or purged and is there`)
    if (times > 1) found.push(`put ${number} of ${by} is there ${times} times`)
  }
  return found
}
