import { equalBytes, toHex } from '@strongroom/crypto'
import { type ContentRecord, currentVersion, pathOf, referenceCount } from '@strongroom/vault'
import type { Transfer } from '../journal/transfers.ts'
import { type UploadJournal, uploadJournal } from '../journal/upload-journal.ts'
import type { FileSource } from '../ports.ts'
import { isInline, layoutOf } from '../upload/plan.ts'
import type { VaultLog } from '../vault-log/types.ts'
import { type DriveContext, newNodeId, newVersionId } from './context.ts'
import { findPath } from './lookup.ts'
import { formatPath } from './paths.ts'
import type { Conflict, PutResult } from './types.ts'

/**
 * The journal of one upload; undefined where it can't be continued later: a stream, a source without a local place, one
 * so small that it is sent with its reservation, or one that another process works at.
 */
export async function openUploadJournal(
  context: DriveContext,
  source: FileSource,
  path: string,
  signal: AbortSignal | undefined,
): Promise<UploadJournal | undefined> {
  if (source.kind === 'stream' || source.local === undefined || isInline(layoutOf(source.size))) return undefined
  const transfer = await context.transfers.begin('put', [source.local.path, path], signal)
  return transfer === null ? undefined : await journalOf(context, transfer)
}

/** The journal of giving one stored content a new key; undefined where another process works at it. */
export async function openRekeyJournal(
  context: DriveContext,
  { blobId, slot }: ContentRecord,
  signal: AbortSignal | undefined,
): Promise<UploadJournal | undefined> {
  const transfer = await context.transfers.begin('rekey', [toHex(blobId), `${slot}`], signal)
  return transfer === null ? undefined : await journalOf(context, transfer)
}

/** Journal of a transfer that was claimed; releases it where that fails. */
async function journalOf(context: DriveContext, transfer: Transfer): Promise<UploadJournal> {
  const fresh = { nodeId: newNodeId(context), versionId: newVersionId(context) }
  try {
    return await uploadJournal(transfer, fresh, (blobId) => referenceCount(context.log.state, blobId) > 0)
  } catch (error) {
    await transfer.release()
    throw error
  }
}

export interface PutAgain {
  readonly journal: UploadJournal | undefined
  readonly names: readonly string[]
  readonly conflict: Conflict
  readonly mtimeMs: number
  readonly size: number
}

/** What an earlier `put` has committed, if this content, at this time, is still what stands in the place; else null. */
export function putBefore(
  { state }: VaultLog,
  { journal, names, conflict, mtimeMs, size }: PutAgain,
): PutResult | null {
  const ids = journal?.committed
  if (ids == null) return null
  const made = state.nodes.get(toHex(ids.nodeId))
  const node = made ?? findPath(state, formatPath(names))?.node
  if (node?.kind !== 'file' || node.trashedMs !== null) return null
  const version = currentVersion(node)
  if (version === null || !equalBytes(version.id, ids.versionId) || version.mtimeMs !== mtimeMs) return null
  const place = pathOf(state, node.id)
  if (place === null) return null
  const path = formatPath(place)
  // A second file beside another one has a name of its own.
  const isThere = conflict === 'keep-both' ? parentOf(place) === parentOf(names) : path === formatPath(names)
  if (!isThere) return null
  return { path, outcome: made === undefined ? 'replaced' : 'created', nodeId: toHex(node.id), size }
}

function parentOf(names: readonly string[]): string {
  return formatPath(names.slice(0, -1))
}
