import { equalBytes, partBlobRange, toHex } from '@strongroom/crypto'
import { fetchPart } from '../download/fetch-parts.ts'
import type { OpenBlob } from '../download/open.ts'
import { integrityError } from '../errors.ts'
import { type DriveContext, fetchContext, openNamed } from './context.ts'
import { readableFile } from './get.ts'
import { needPath } from './lookup.ts'
import type { CallOptions, ServerView } from './types.ts'

/** Stored bytes that are shown. */
const SHOWN_BYTES = 256
const DIGEST_LENGTH = 32

/**
 * What the server has of a file, asked for now: its answers as they came, and only if they are what the log signed.
 *
 * @throws ClientError `integrity` when they are not
 */
export async function serverViewOf(
  context: DriveContext,
  path: string,
  { signal }: CallOptions = {},
): Promise<ServerView> {
  await context.log.sync(signal)
  await context.log.flush()
  const { record } = readableFile(needPath(context.log.state, path))
  const [blob] = await openNamed(context, [record], signal)
  if (blob === undefined) throw new Error('each record has its blob')
  const { digests, wrap, epoch, layout } = blob
  blob.dek.dispose()
  const stored = layout.partCount === 0 ? new Uint8Array(0) : await readStart(context, blob, signal)
  const parts = digests.length / DIGEST_LENGTH
  return {
    vaultId: toHex(context.log.state.vaultId),
    blobId: toHex(record.blobId),
    blobLength: layout.blobLength,
    digests: Array.from({ length: parts }, (_, index) =>
      toHex(digests.subarray(index * DIGEST_LENGTH, (index + 1) * DIGEST_LENGTH)),
    ),
    wrappedKey: toHex(wrap.bytes),
    epoch,
    storedBytes: stored,
  }
}

// Reason for fetching the whole part: only whole parts have a digest, and what was not compared with one is not shown.
async function readStart(
  context: DriveContext,
  blob: OpenBlob,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const range = partBlobRange(blob.layout, 0)
  const into = new Uint8Array(range.length)
  const part = await fetchPart(fetchContext(context), blob, { ...range, into }, signal)
  const digest = await context.platform.engine.sha256(part)
  if (!equalBytes(digest, blob.digests.subarray(0, DIGEST_LENGTH)))
    throw integrityError('the beginning of a stored file')
  return part.slice(0, SHOWN_BYTES)
}
