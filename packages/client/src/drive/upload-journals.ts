import { equalBytes, toHex } from '@strongroom/crypto'
import { currentVersion, referenceCount } from '@strongroom/vault'
import { type UploadJournal, uploadJournal } from '../journal/upload-journal.ts'
import type { FileSource } from '../ports.ts'
import { isInline, layoutOf } from '../upload/plan.ts'
import { type DriveContext, newNodeId, newVersionId } from './context.ts'
import { findPath } from './lookup.ts'
import type { PutResult } from './types.ts'

/**
 * The journal of one upload; undefined where it can't be continued later: a stream, a source without a local place, one
 * so small that it is sent with its reservation, or one that another process works at.
 */
export async function openUploadJournal(
  context: DriveContext,
  source: FileSource,
  path: string,
): Promise<UploadJournal | undefined> {
  if (source.kind === 'stream' || source.local === undefined || isInline(layoutOf(source.size))) return undefined
  const transfer = await context.transfers.begin('put', [source.local.path, path])
  if (transfer === null) return undefined
  const fresh = { nodeId: newNodeId(context), versionId: newVersionId(context) }
  try {
    return await uploadJournal(transfer, fresh, (blobId) => referenceCount(context.log.state, blobId) > 0)
  } catch (error) {
    await transfer.release()
    throw error
  }
}

/** What an earlier `put` has committed, if this content, at this time, is still what the path has; else null. */
export function putBefore(
  context: DriveContext,
  path: string,
  { journal, mtimeMs, size }: { journal: UploadJournal | undefined; mtimeMs: number; size: number },
): PutResult | null {
  const ids = journal?.committed
  if (ids == null) return null
  const node = findPath(context.log.state, path)?.node
  if (node?.kind !== 'file') return null
  const version = currentVersion(node)
  if (version === null || !equalBytes(version.id, ids.versionId) || version.mtimeMs !== mtimeMs) return null
  return { path, outcome: equalBytes(node.id, ids.nodeId) ? 'created' : 'replaced', nodeId: toHex(node.id), size }
}
