import { checkpointHash, type VerifiedCommit } from '@strongroom/vault/header'
import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import type { Random } from '../../ports/index.ts'
import { equal } from '../bytes.ts'
import { ServerError } from '../errors.ts'
import type { OuterKey, OuterKeys } from '../keys/outer-keys.ts'
import { openOuter, sealOuter } from '../keys/outer-layer.ts'
import { checkpointPlace } from '../keys/places.ts'
import { requireMember } from './access.ts'
import { type Head, headOf } from './read.ts'
import { commitVerifier } from './verifier.ts'

/** A sealed manifest; `seq` and `epoch` are its author's claims, without which nobody can open it. */
export interface Checkpoint {
  readonly seq: number
  readonly epoch: number
  readonly manifest: Uint8Array
}

/**
 * A manifest travels with the commit that names it, and with no other.
 *
 * @throws ServerError `commit_rejected`: `checkpoint_missing`, `checkpoint_not_wanted`, `checkpoint_differs`,
 *   `checkpoint_place_wrong`
 */
export async function checkCheckpoint(
  commit: VerifiedCommit,
  checkpoint: Checkpoint | undefined,
  restoring = false,
): Promise<void> {
  const { header } = commit
  const rejected = (reason: string) => new ServerError('commit_rejected', { details: { reason } })
  if (checkpoint === undefined) {
    if (header.checkpointHash !== null && !restoring) throw rejected('checkpoint_missing')
    return
  }
  if (header.checkpointHash === null) throw rejected('checkpoint_not_wanted')
  const hash = await checkpointHash(commitVerifier.hasher, checkpoint.manifest)
  if (!equal(hash, header.checkpointHash)) throw rejected('checkpoint_differs')
  if (checkpoint.seq >= header.seq || checkpoint.epoch > header.epoch) throw rejected('checkpoint_place_wrong')
}

/** Stores the vault's newest checkpoint in place of the one before. */
export async function storeCheckpoint(
  deps: { random: Random },
  tx: DatabaseTransaction,
  input: {
    readonly vaultId: Uint8Array
    readonly owner: Uint8Array
    readonly outer: OuterKey
    readonly namedBySeq: number
    readonly checkpoint: Checkpoint
  },
): Promise<void> {
  const { vaultId, owner, outer, namedBySeq, checkpoint } = input
  const row = {
    named_by_seq: namedBySeq,
    seq: checkpoint.seq,
    epoch: checkpoint.epoch,
    outer_version: outer.version,
    sealed: sealOuter(deps.random, outer.key, checkpointPlace(owner, vaultId, namedBySeq), checkpoint.manifest),
  }
  await tx
    .insertInto('checkpoints')
    .values({ vault_id: vaultId, ...row })
    .onConflict((conflict) => conflict.column('vault_id').doUpdateSet(row))
    .execute()
}

/**
 * The newest checkpoint of a vault, for its members, with a head that is no older.
 *
 * @throws ServerError `not_found`, `stored_data_damaged`
 */
export async function readCheckpoint(
  deps: { database: Database; outerKeys: OuterKeys },
  reader: { readonly vaultId: Uint8Array; readonly accountId: Uint8Array },
): Promise<{ head: Head; checkpoint: (Checkpoint & { namedBySeq: number }) | null }> {
  const { vaultId } = reader
  await requireMember(deps.database, vaultId, reader.accountId)
  // Reason: read first, the head is older than the checkpoint or the same, so that whoever finds a newer naming commit
  // up to this head knows that the answer was not the newest.
  const head = await headOf(deps.database, vaultId)
  const row = await deps.database
    .selectFrom('checkpoints')
    .innerJoin('vaults', 'vaults.id', 'checkpoints.vault_id')
    .select(['owner_id', 'named_by_seq', 'seq', 'checkpoints.epoch', 'outer_version', 'sealed'])
    .where('vault_id', '=', vaultId)
    .executeTakeFirst()
  if (row === undefined) return { head, checkpoint: null }
  const { seq, epoch, named_by_seq: namedBySeq } = row
  const key = await deps.outerKeys.version(row.owner_id, row.outer_version)
  const manifest = openOuter(key, checkpointPlace(row.owner_id, vaultId, namedBySeq), row.sealed)
  return { head, checkpoint: { seq, epoch, manifest, namedBySeq } }
}
