import { toHex } from '@strongroom/crypto'
import { fetchPart } from '../download/fetch-parts.ts'
import { ClientError } from '../errors.ts'
import { type DriveContext, fetchContext, openNamed } from './context.ts'
import { readableFile } from './get.ts'
import { needPath } from './lookup.ts'
import type { CallOptions, ServerView } from './types.ts'

/** Stored bytes that are shown. */
const SHOWN_BYTES = 256
const DIGEST_LENGTH = 32

/** What the server has of a file, asked for now: its answers as they came, nothing of them opened. */
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
  const length = Math.min(SHOWN_BYTES, layout.blobLength)
  const range = { offset: 0, length, into: new Uint8Array(length) }
  const stored = length === 0 ? range.into : await readStart(context, blob, range, signal)
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
    storedBytes: new Uint8Array(stored),
  }
}

type Range = Parameters<typeof fetchPart>[2]

async function readStart(
  context: DriveContext,
  blob: Parameters<typeof fetchPart>[1],
  range: Range,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const found = await fetchPart(fetchContext(context), blob, range, signal ?? new AbortController().signal)
  if (found.length < range.length) throw new ClientError('server', 'The store sent less than was asked for.')
  return found
}
