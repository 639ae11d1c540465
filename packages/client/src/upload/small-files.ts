import type { ContentLayout } from '@strongroom/crypto'
import { LIMITS } from '@strongroom/protocol'
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
 */
export async function uploadSmallFiles<T>(
  context: UploadContext,
  batch: readonly { item: T; source: SeekableSource }[],
  options: UploadOptions,
): Promise<SmallResult<T>[]> {
  const results: SmallResult<T>[] = []
  const ready: Prepared<T>[] = []
  for (const { item, source } of batch) {
    throwIfAborted(options.signal)
    try {
      ready.push(await prepare(context, item, source))
    } catch (error) {
      results.push(await retryAlone(context, item, source, error, options))
    }
  }
  if (ready.length === 0) return results
  const blobs = ready.map(({ plan, layout, sha256, bytes }) => ({
    blobId: plan.blobId,
    blobLength: layout.blobLength,
    partSize: layout.partSize,
    part: { sha256, bytes },
  }))
  await options.limiter.take(
    ready.reduce((sum, { bytes }) => sum + bytes.length, 0),
    options.signal,
  )
  try {
    await context.api.call('blobsReserve', { body: { blobs }, signal: options.signal })
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

async function prepare<T>(context: UploadContext, item: T, source: SeekableSource): Promise<Prepared<T>> {
  const { engine, clock } = context.platform
  const layout = layoutOf(source.size)
  const plan = planUpload(engine, clock.nowMs())
  const supply = await seekableSupply(context.content, source, layout, plan)
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
