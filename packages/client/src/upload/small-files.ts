import type { ContentLayout } from '@strongroom/crypto'
import { LIMITS } from '@strongroom/protocol'
import type { BufferPool } from '../content/buffers.ts'
import { ClientError, throwIfAborted } from '../errors.ts'
import type { SeekableSource } from '../ports.ts'
import { seekableSupply } from './encrypt-parts.ts'
import { layoutOf, planUpload, type UploadPlan } from './plan.ts'
import { describe } from './transfer.ts'
import type { UploadContext, UploadedContent, UploadOptions } from './types.ts'
import { uploadContent, wantsNewBlob } from './upload.ts'

/** What became of one file of a batch. */
export type SmallResult<T> =
  | { readonly item: T; readonly content: UploadedContent }
  | { readonly item: T; readonly error: unknown }

/** Bytes of a blob that small files may have before their share of a request is full. */
export const SMALL_BATCH = { files: LIMITS.batch, bytes: LIMITS.inlineBytesPerRequest } as const

/** A file that may travel inside its reservation. */
export interface Small<T> {
  readonly item: T
  readonly source: SeekableSource
}

interface Prepared<T> {
  readonly item: T
  readonly source: SeekableSource
  readonly plan: UploadPlan
  readonly layout: ContentLayout
  readonly header: Uint8Array
  readonly bytes: Uint8Array
  readonly sha256: Uint8Array
}

/**
 * Uploads files whose single parts travel inside one reservation. The batch must keep within `SMALL_BATCH`. One file's
 * failure is its own; a failure of the request is everybody's and is thrown.
 *
 * @param rooms - memory of `SMALL_BATCH.bytes`, for those who upload several batches
 */
export async function uploadSmallFiles<T>(
  context: UploadContext,
  batch: readonly Small<T>[],
  options: UploadOptions,
  rooms?: BufferPool,
): Promise<SmallResult<T>[]> {
  const length = batch.reduce((sum, { source }) => sum + layoutOf(source.size).blobLength, 0)
  const room = rooms?.take(length) ?? new Uint8Array(length)
  try {
    return await uploadFrom(room, context, batch, options)
  } finally {
    rooms?.give(room)
  }
}

async function uploadFrom<T>(
  room: Uint8Array<ArrayBuffer>,
  context: UploadContext,
  batch: readonly Small<T>[],
  options: UploadOptions,
): Promise<SmallResult<T>[]> {
  const { ready, results } = await prepareAll(room, context, batch, options)
  if (ready.length === 0) return results
  const blobs = ready.map(({ plan, layout, sha256, bytes }) => ({
    blobId: plan.blobId,
    blobLength: layout.blobLength,
    partSize: layout.partSize,
    framedPart: { sha256, length: bytes.length },
  }))
  const length = ready.reduce((sum, { bytes }) => sum + bytes.length, 0)
  await options.limiter.take(length, options.signal)
  try {
    await context.api.call('blobsReserve', {
      body: { blobs },
      // Whole where nothing failed: one piece costs less than hundreds.
      payload: ready.length === batch.length ? [room.subarray(0, length)] : ready.map(({ bytes }) => bytes),
      signal: options.signal,
    })
  } catch (error) {
    if (!wantsNewBlob(error)) throw error
    for (const { plan } of ready) plan.dek.dispose()
    return [...results, ...(await oneByOne(context, ready, options))]
  }
  for (const { item, plan, header, layout, sha256 } of ready) {
    options.onBytes(layout.size)
    results.push({ item, content: await describe(context, plan, header, layout, [sha256]) })
  }
  return results
}

/** Files that are read at once: most of the time goes into waiting for the file system's answers. */
const READERS = 4

/** Encrypts a batch into a room, in its order; files that cannot be read are results already. */
async function prepareAll<T>(
  room: Uint8Array<ArrayBuffer>,
  context: UploadContext,
  batch: readonly Small<T>[],
  options: UploadOptions,
): Promise<{ ready: Prepared<T>[]; results: SmallResult<T>[] }> {
  const prepared: (Prepared<T> | undefined)[] = batch.map(() => undefined)
  const results: SmallResult<T>[] = []
  const files = batch.entries()
  let end = 0
  const place = (layout: ContentLayout) => {
    end += layout.blobLength
    return room.subarray(end - layout.blobLength, end)
  }
  const reader = async (): Promise<void> => {
    for (const [index, { item, source }] of files) {
      throwIfAborted(options.signal)
      try {
        const layout = layoutOf(source.size)
        prepared[index] = await prepare(context, { item, source }, layout, place(layout))
      } catch (error) {
        results.push(await retryAlone(context, item, source, error, options))
      }
    }
  }
  const readers = await Promise.allSettled(Array.from({ length: READERS }, reader))
  const ready = prepared.filter((file) => file !== undefined)
  const failed = readers.find((result) => result.status === 'rejected')
  if (failed === undefined) return { ready, results }
  for (const { plan } of ready) plan.dek.dispose()
  throw failed.reason
}

async function prepare<T>(
  context: UploadContext,
  { item, source }: Small<T>,
  layout: ContentLayout,
  output: Uint8Array<ArrayBuffer>,
): Promise<Prepared<T>> {
  const { engine, clock } = context.platform
  const plan = planUpload(engine, clock.nowMs())
  const supply = await seekableSupply(context.content, source, layout, plan, { output })
  try {
    const part = await supply.next()
    if (part === null) throw new Error('a content has at least one part')
    await supply.finish()
    return { item, source, plan, layout, header: supply.header, bytes: part.bytes, sha256: part.sha256 }
  } finally {
    await supply.close()
  }
}

/** A file that changed while it was read gets another try of its own. */
async function retryAlone<T>(
  context: UploadContext,
  item: T,
  source: SeekableSource,
  error: unknown,
  options: UploadOptions,
): Promise<SmallResult<T>> {
  if (!(error instanceof ClientError) || error.code !== 'source_changed' || source.again === undefined) {
    return { item, error }
  }
  try {
    const now = await source.again()
    const content = await uploadContent(context, now, options)
    return { item, content: { ...content, laterMtimeMs: content.laterMtimeMs ?? now.mtimeMs } }
  } catch (cause) {
    return { item, error: cause }
  }
}

/** Reason: the answer to a batch names no single culprit. */
async function oneByOne<T>(
  context: UploadContext,
  ready: readonly Prepared<T>[],
  options: UploadOptions,
): Promise<SmallResult<T>[]> {
  const results: SmallResult<T>[] = []
  for (const { item, source } of ready) {
    try {
      results.push({ item, content: await uploadContent(context, source, options) })
    } catch (error) {
      results.push({ item, error })
    }
  }
  return results
}
