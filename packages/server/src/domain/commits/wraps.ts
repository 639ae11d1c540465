import type { VerifiedCommit } from '@strongroom/vault/header'
import { sql } from 'kysely'
import type { DatabaseTransaction } from '../../database/tables.ts'
import type { Random } from '../../ports/index.ts'
import { hex } from '../bytes.ts'
import { ServerError } from '../errors.ts'
import type { OuterKey } from '../keys/outer-keys.ts'
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
): Promise<void> {
  const { vaultId, owner, outer, wraps } = input
  const given = new Set(wraps.map((wrap) => hex(wrap.blobId)))
  if (input.required.some((blobId) => !given.has(hex(blobId)))) throw rejected('wrap_missing')
  if (outer === null) return
  const sealed = wraps.map((wrap) =>
    sealOuter(deps.random, outer.key, wrapPlace(owner, vaultId, wrap.epoch, wrap.blobId), wrap.bytes),
  )
  await sql`
    INSERT INTO wraps (vault_id, blob_id, epoch, outer_version, sealed)
    SELECT ${vaultId}, blob_id, epoch, ${outer.version}, sealed
    FROM unnest(
      ${wraps.map((wrap) => wrap.blobId)}::bytea[],
      ${wraps.map((wrap) => wrap.epoch)}::bigint[],
      ${sealed}::bytea[]
    ) AS t (blob_id, epoch, sealed)
    ORDER BY blob_id
    ON CONFLICT (vault_id, blob_id, epoch) DO NOTHING`.execute(tx)
}
