import type { BlobId } from '@strongroom/crypto'
import { LIMITS } from '@strongroom/protocol'
import type { OpenBlob } from '../download/open.ts'
import type { DriveContext } from '../drive/context.ts'
import { progressCounter } from '../drive/progress.ts'
import type { TransferOptions } from '../drive/types.ts'
import { ClientError, throwIfAborted } from '../errors.ts'
import { apiCode } from '../transport/api.ts'
import { type KeyedContent, keyedContents } from './contents.ts'
import { openStill } from './open-still.ts'
import type { RewrapResult } from './types.ts'

/**
 * Wraps the keys of all contents under the newest epoch too. Each is first tried against its content's header, so that
 * nothing but right keys is wrapped.
 */
export async function rewrap(context: DriveContext, options: TransferOptions = {}): Promise<RewrapResult> {
  const { log } = context
  const { signal } = options
  await log.sync(signal)
  const contents = keyedContents(log.state)
  const progress = progressCounter(options.onProgress)
  progress.addTotal(contents.length, 0)
  progress.fixTotal()
  let [wrapped, confirmed] = [0, 0]
  for (let start = 0; start < contents.length; start += LIMITS.batch) {
    throwIfAborted(signal)
    const batch = contents.slice(start, start + LIMITS.batch)
    const done = await rewrapBatch(context, batch, signal)
    wrapped += done.wrapped
    confirmed += done.confirmed
    for (let counted = 0; counted < batch.length; counted += 1) progress.item('', 'done')
  }
  await log.flush()
  return { contents: contents.length, wrapped, confirmed }
}

/** Epochs that may begin while one batch is wrapped. */
const ATTEMPTS = 5

async function rewrapBatch(
  context: DriveContext,
  batch: readonly KeyedContent[],
  signal: AbortSignal | undefined,
): Promise<{ wrapped: number; confirmed: number }> {
  const { api, log } = context
  const opened = await openStill(context, batch, signal)
  try {
    for (let attempt = 1; ; attempt += 1) {
      const blobs = distinct(opened.map(({ blob }) => blob))
      const old = blobs.filter((blob) => blob.epoch < log.epoch)
      const wraps = await Promise.all(old.map((blob) => log.wrap(blob.record.blobId, blob.dek)))
      try {
        const { vaultId } = log.state
        const { added } =
          wraps.length === 0 ? { added: 0 } : await api.call('wrapsAdd', { body: { vaultId, wraps }, signal })
        const tried = blobs
          .filter((blob) => blob.epoch === log.epoch && blob.wrap.hasOlder)
          .map((blob) => ({ blobId: blob.record.blobId, bytes: blob.wrap.bytes }))
        return { wrapped: added, confirmed: await confirm(context, [...tried, ...wraps], signal) }
      } catch (error) {
        // Another epoch has begun: under that one, then.
        if (apiCode(error) !== 'head_moved') throw error
        if ((await log.sync(signal)) === 0 || attempt >= ATTEMPTS) {
          throw new ClientError('server', 'The server knows another epoch than it shows.', { cause: error })
        }
      }
    }
  } finally {
    for (const { blob } of opened) blob.dek.dispose()
  }
}

/** Each blob once, whatever names it. */
function distinct(blobs: readonly OpenBlob[]): OpenBlob[] {
  return [...new Map(blobs.map((blob) => [blob.record.blobId.join(), blob])).values()]
}

/**
 * Lets the server remove older wraps, after its grace: their keys were tried here, and are under the newest epoch too.
 *
 * Invariant: confirmed is only what this device has opened, or made itself of a key that it had tried; by hash, so that
 * the server removes nothing for the sake of a wrap that another one has put there.
 */
async function confirm(
  { api, log }: DriveContext,
  wraps: readonly { readonly blobId: BlobId; readonly bytes: Uint8Array }[],
  signal: AbortSignal | undefined,
): Promise<number> {
  if (wraps.length === 0 || log.role !== 'owner') return 0
  return (await api.call('wrapsConfirm', { body: await log.signWraps(wraps), signal })).confirmed
}
