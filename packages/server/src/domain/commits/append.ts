import {
  type ChainState,
  commitHash,
  decodeChainState,
  encodeChainState,
  splitCommit,
  type VerifiedCommit,
  verifyCommit,
} from '@strongroom/vault/header'
import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import type { BlobStore, Clock, Random } from '../../ports/index.ts'
import { recordAudit } from '../audit/record.ts'
import { equal } from '../bytes.ts'
import { ServerError } from '../errors.ts'
import { type NextKeyring, storeKeyring } from '../keys/keyring.ts'
import type { OuterKey, OuterKeys } from '../keys/outer-keys.ts'
import { type Checkpoint, checkCheckpoint, storeCheckpoint } from './checkpoints.ts'
import { checkKeyring, checkNextCard, type NextCard, storeCard } from './next-keys.ts'
import type { Head } from './read.ts'
import { applyReferences } from './references.ts'
import { requireRevivable } from './revival.ts'
import type { AppendsUnderWay } from './under-way.ts'
import { commitVerifier, rejectCommit } from './verifier.ts'
import { checkWraps, storeWraps, type Wrap } from './wraps.ts'

export interface AppendDeps {
  database: Database
  store: BlobStore
  clock: Clock
  random: Random
  outerKeys: OuterKeys
  quotaBytes: number
}

export interface Append {
  readonly vaultId: Uint8Array
  readonly accountId: Uint8Array
  /** That asked; for the audit log. */
  readonly sessionId?: Uint8Array | undefined
  readonly commit: Uint8Array
  readonly wraps: readonly Wrap[]
  /** The manifest that the commit names. */
  readonly checkpoint?: Checkpoint | undefined
  /** The account's keyring after the commit. */
  readonly keyring?: NextKeyring | undefined
  /** The author's card after the commit. */
  readonly card?: Uint8Array | undefined
}

export interface VaultRow {
  readonly owner_id: Uint8Array
  readonly head_seq: number
  readonly head_hash: Uint8Array
  readonly chain_state: Uint8Array
}

/**
 * Appends a commit by compare-and-swap. Everything is verified against the head that was read first; the transaction
 * then takes the head's lock and goes on only if that head has not moved. Sending the same bytes again gets the
 * original answer. Of those that race here for one place all but the first wait for its end ([Note: Lost races]).
 *
 * @throws ServerError `not_found` (no member), `forbidden` (another author), `head_moved`, `commit_rejected`,
 *   `versions_moved`, `blob_not_ready`, `blob_gone`, `quota_exceeded`, `upgrade_required`, `stored_data_damaged`
 */
export async function appendCommit(deps: AppendDeps & { appends: AppendsUnderWay }, input: Append): Promise<Head> {
  const vault = await readVault(deps.database, input)
  const { header, hash } = await parseCommit(input.commit)
  if (!equal(header.vaultId, input.vaultId)) throw new ServerError('bad_request', { details: { path: 'vaultId' } })
  if (!equal(header.accountId, input.accountId)) throw new ServerError('forbidden')
  const sent = { ...input, seq: header.seq, hash }
  if (header.seq <= vault.head_seq) return appendedBefore(deps.database, vault, sent)
  if (header.seq !== vault.head_seq + 1 || !equal(header.prev, vault.head_hash)) throw headMoved(vault)
  const appended = await deps.appends.alone(sent, () => appendTo(deps, vault, input))
  if (appended === 'taken') throw headMoved({ head_seq: header.seq })
  // Someone else was faster: perhaps this very commit, sent twice at once.
  return appended ?? appendedBefore(deps.database, null, sent)
}

/** Verifies a commit against the vault's head and appends it; null when that head has moved. */
async function appendTo(deps: AppendDeps, vault: VaultRow, input: Append): Promise<Head | null> {
  const state = chainStateOf(vault)
  const commit = await verifyCommit({ ...commitVerifier, state, bytes: input.commit }).catch(rejectCommit)
  checkWraps(commit, input.wraps)
  await requireRevivable(deps, commit.section.added)
  await checkCheckpoint(commit, input.checkpoint)
  checkKeyring(commit, input.keyring)
  const card = await checkNextCard(commit, state, {
    card: input.card,
    isPrivate: equal(vault.owner_id, input.accountId),
  })
  const sealing = input.wraps.length > 0 || input.checkpoint !== undefined
  const outer = sealing ? await deps.outerKeys.newest(vault.owner_id) : null
  const keys = { card, keyringOuter: input.keyring === undefined ? null : await deps.outerKeys.newest(input.accountId) }
  return deps.database
    .transaction()
    .execute((tx) => appendLocked(deps, tx, { input, commit, before: state, outer, owner: vault.owner_id, ...keys }))
}

export async function parseCommit(bytes: Uint8Array) {
  try {
    const { header, headerBytes } = splitCommit(bytes)
    return { header, hash: await commitHash(commitVerifier.hasher, headerBytes) }
  } catch (cause) {
    return rejectCommit(cause)
  }
}

/** The vault, for its active members alone. */
export async function readVault(
  database: Database,
  reader: { vaultId: Uint8Array; accountId: Uint8Array },
): Promise<VaultRow> {
  const vault = await database
    .selectFrom('vaults')
    .innerJoin('members', 'members.vault_id', 'vaults.id')
    .select(['owner_id', 'head_seq', 'head_hash', 'chain_state'])
    .where('vaults.id', '=', reader.vaultId)
    .where('members.account_id', '=', reader.accountId)
    .where('members.state', '=', 'active')
    .executeTakeFirst()
  if (vault === undefined) throw new ServerError('not_found')
  return vault
}

/** @throws ServerError `stored_data_damaged` when the row does not hang together */
export function chainStateOf(vault: VaultRow): ChainState {
  try {
    const state = decodeChainState(vault.chain_state)
    const { head } = state
    if (head?.seq === vault.head_seq && equal(head.hash, vault.head_hash)) return state
  } catch (cause) {
    throw new ServerError('stored_data_damaged', { cause })
  }
  throw new ServerError('stored_data_damaged')
}

export function headMoved(vault: Pick<VaultRow, 'head_seq'>): ServerError {
  return new ServerError('head_moved', { details: { seq: vault.head_seq } })
}

/**
 * The original answer, if the chain holds this very commit at its place.
 *
 * @throws ServerError `head_moved` where it holds another one, `commit_rejected` where it holds the same header with
 *   another signature, section or body: what was sent is not what is stored
 */
export async function appendedBefore(
  database: Database,
  vault: VaultRow | null,
  sent: { vaultId: Uint8Array; accountId: Uint8Array; commit: Uint8Array; seq: number; hash: Uint8Array },
): Promise<Head> {
  if (vault?.head_seq === sent.seq && !equal(vault.head_hash, sent.hash)) throw headMoved(vault)
  const row = await database
    .selectFrom('commits')
    .select(['hash', 'bytes'])
    .where('vault_id', '=', sent.vaultId)
    .where('seq', '=', sent.seq)
    .executeTakeFirst()
  if (row === undefined || !equal(row.hash, sent.hash)) throw headMoved(vault ?? (await readVault(database, sent)))
  if (!equal(row.bytes, sent.commit)) {
    throw new ServerError('commit_rejected', { details: { reason: 'differs_from_stored' } })
  }
  return { seq: sent.seq, hash: sent.hash }
}

export interface LockedAppend {
  readonly input: Append
  readonly commit: VerifiedCommit
  readonly before: ChainState
  readonly outer: OuterKey | null
  readonly owner: Uint8Array
  /** The author's new card. */
  readonly card?: NextCard | null
  /** Key for the keyring that travels along. */
  readonly keyringOuter?: OuterKey | null
  /** Gives a commit back that was accepted before: makes rows for its blobs, and does without what is lost. */
  readonly recreate?: (tx: DatabaseTransaction) => Promise<void>
}

/** The transaction; null when the head has moved. */
export async function appendLocked(
  deps: AppendDeps,
  tx: DatabaseTransaction,
  append: LockedAppend,
): Promise<Head | null> {
  const { input, commit, outer, owner, recreate } = append
  const { header, hash, next } = commit
  const now = deps.clock.nowMs()
  const moved = await tx
    .updateTable('vaults')
    .set({ head_seq: header.seq, head_hash: hash, epoch: next.epoch, chain_state: encodeChainState(next) })
    .where('id', '=', input.vaultId)
    .where('head_seq', '=', header.seq - 1)
    .where('head_hash', '=', header.prev)
    .executeTakeFirst()
  if (moved.numUpdatedRows !== 1n) return null
  await tx
    .insertInto('commits')
    .values({ vault_id: input.vaultId, seq: header.seq, hash, bytes: input.commit, appended_ms: now })
    .execute()
  if (header.membership) await storeMembers(tx, next)
  await recreate?.(tx)
  const restoring = recreate !== undefined
  const { accountId } = header
  const { vaultId, wraps } = input
  const change = { vaultId, accountId, section: commit.section, now, lostAllowed: restoring }
  const fresh = await applyReferences(deps, tx, change)
  await storeWraps(deps, tx, { vaultId, owner, outer, wraps, required: restoring ? [] : fresh })
  const { checkpoint } = input
  if (checkpoint !== undefined && outer !== null) {
    await storeCheckpoint(deps, tx, { vaultId, owner, outer, namedBySeq: header.seq, checkpoint })
  }
  await storeNextKeys(deps, tx, append)
  return { seq: header.seq, hash }
}

/** Card and keyring change with the commit that they belong to, or not at all. */
async function storeNextKeys(deps: AppendDeps, tx: DatabaseTransaction, append: LockedAppend): Promise<void> {
  const { input, commit, card, keyringOuter: outer, recreate } = append
  const { accountId, keyring, sessionId } = input
  const note = (event: 'epoch_started' | 'card_replaced') => recordAudit(deps, tx, accountId, event, sessionId)
  if (commit.section.epochChange !== null && recreate === undefined) await note('epoch_started')
  if (card != null) {
    await storeCard(tx, accountId, card)
    await note('card_replaced')
  }
  if (keyring !== undefined && outer != null) await storeKeyring(deps, tx, { accountId, outer, keyring })
}

async function storeMembers(tx: DatabaseTransaction, state: ChainState): Promise<void> {
  await tx.deleteFrom('members').where('vault_id', '=', state.vaultId).execute()
  const rows = state.members.flatMap((member) =>
    member.state === 'removed'
      ? []
      : [{ vault_id: state.vaultId, account_id: member.accountId, role: member.role, state: member.state }],
  )
  if (rows.length > 0) await tx.insertInto('members').values(rows).execute()
}
