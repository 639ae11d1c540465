import { LIMITS } from '@strongroom/protocol'
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
  let wrapped = 0
  for (let start = 0; start < contents.length; start += LIMITS.batch) {
    throwIfAborted(signal)
    const batch = contents.slice(start, start + LIMITS.batch)
    wrapped += await rewrapBatch(context, batch, signal)
    for (let done = 0; done < batch.length; done += 1) progress.item('', 'done')
  }
  await log.flush()
  return { contents: contents.length, wrapped }
}

/** Epochs that may begin while one batch is wrapped. */
const ATTEMPTS = 5

async function rewrapBatch(
  context: DriveContext,
  batch: readonly KeyedContent[],
  signal: AbortSignal | undefined,
): Promise<number> {
  const { api, log } = context
  const opened = await openStill(context, batch, signal)
  try {
    for (let attempt = 1; ; attempt += 1) {
      const old = opened.filter(({ blob }) => blob.epoch < log.epoch)
      if (old.length === 0) return 0
      const wraps = await Promise.all(old.map(({ blob }) => log.wrap(blob.record.blobId, blob.dek)))
      try {
        const { added } = await api.call('wrapsAdd', { body: { vaultId: log.state.vaultId, wraps }, signal })
        return added
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
