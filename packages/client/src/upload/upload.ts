import { type ContentLayout, concat, partsRoot } from '@strongroom/crypto'
import { ClientError, throwIfAborted } from '../errors.ts'
import type { FileSource } from '../ports.ts'
import { apiCode } from '../transport/api.ts'
import { type PartSupply, seekableSupply, streamSupply } from './encrypt-parts.ts'
import { isInline, layoutOf, planUpload, type UploadPlan } from './plan.ts'
import type { UploadContext, UploadedContent, UploadOptions } from './types.ts'
import { type PartSender, partSender } from './upload-parts.ts'

/** How often an upload is tried: each time under a new blob. */
const ATTEMPTS = 3

/**
 * Uploads one content: plan, then encrypt and send parts side by side, then complete. The blob stays invisible until a
 * commit names it. A source that changes meanwhile, or a blob that the server lost, starts again under a new id and key.
 *
 * @throws ClientError `source_changed` when it keeps changing, or is a stream and cannot be read again
 */
export async function uploadContent(
  context: UploadContext,
  given: FileSource,
  options: UploadOptions,
): Promise<UploadedContent> {
  let source = given
  for (let attempt = 1; ; attempt += 1) {
    let counted = 0
    const onBytes = (bytes: number) => {
      counted += bytes
      options.onBytes(bytes)
    }
    try {
      const content = await uploadOnce(context, source, { ...options, onBytes })
      return source === given ? content : { ...content, laterMtimeMs: source.mtimeMs }
    } catch (error) {
      const next = attempt < ATTEMPTS ? await sourceForRetry(source, error) : null
      if (next === null) throw error
      source = next
      options.onBytes(-counted)
    }
  }
}

/** What to read for another attempt; null when there is none to make. */
async function sourceForRetry(source: FileSource, error: unknown): Promise<FileSource | null> {
  if (source.kind === 'stream') return null
  if (wantsNewBlob(error)) return source
  const changed = error instanceof ClientError && error.code === 'source_changed'
  return changed && source.again !== undefined ? await source.again() : null
}

/** Whether a failure is one of the blob, not of the source or the connection. */
export function wantsNewBlob(error: unknown): boolean {
  const code = apiCode(error)
  return code === 'blob_conflict' || code === 'blob_gone' || code === 'blob_not_ready'
}

async function uploadOnce(
  context: UploadContext,
  source: FileSource,
  options: UploadOptions,
): Promise<UploadedContent> {
  const { engine, clock } = context.platform
  const plan = planUpload(engine, clock.nowMs())
  let done = false
  try {
    const content =
      source.kind === 'stream'
        ? await uploadStream(context, source, plan, options)
        : await uploadSeekable(context, source, plan, options)
    done = true
    return content
  } finally {
    if (!done) plan.dek.dispose()
  }
}

async function uploadSeekable(
  context: UploadContext,
  source: Extract<FileSource, { kind: 'seekable' }>,
  plan: UploadPlan,
  options: UploadOptions,
): Promise<UploadedContent> {
  const layout = layoutOf(source.size)
  if (!isInline(layout)) await reserve(context, plan, layout.blobLength, layout.partSize, options.signal)
  const supply = await seekableSupply(context.content, source, layout, plan)
  return await transfer(context, plan, supply, isInline(layout), options)
}

async function uploadStream(
  context: UploadContext,
  source: Extract<FileSource, { kind: 'stream' }>,
  plan: UploadPlan,
  options: UploadOptions,
): Promise<UploadedContent> {
  await reserve(context, plan, null, layoutOf(0, true).partSize, options.signal)
  const supply = await streamSupply(context.platform.engine, source, plan)
  return await transfer(context, plan, supply, false, options)
}

async function reserve(
  context: UploadContext,
  plan: UploadPlan,
  blobLength: number | null,
  partSize: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  await context.api.call('blobsReserve', { body: { blobs: [{ blobId: plan.blobId, blobLength, partSize }] }, signal })
}

async function transfer(
  context: UploadContext,
  plan: UploadPlan,
  supply: PartSupply,
  inline: boolean,
  options: UploadOptions,
): Promise<UploadedContent> {
  try {
    if (inline) {
      const part = await supply.next()
      if (part === null) throw new Error('a content has at least one part')
      const layout = await supply.finish()
      await options.limiter.take(part.bytes.length, options.signal)
      const blob = {
        blobId: plan.blobId,
        blobLength: layout.blobLength,
        partSize: layout.partSize,
        part: { sha256: part.sha256, bytes: part.bytes },
      }
      await context.api.call('blobsReserve', { body: { blobs: [blob] }, signal: options.signal })
      part.release()
      options.onBytes(layout.size)
      return await describe(context, plan, supply.header, layout, [part.sha256])
    }
    const { engine, clock } = context.platform
    const random = () => (engine.randomBytes(1)[0] ?? 0) / 256
    const sender = partSender({ channel: context, blobId: plan.blobId, clock, random, signal: options.signal })
    await runLanes(supply, sender, options)
    const layout = await supply.finish()
    const parts = sender.parts()
    const body = { blobs: [{ blobId: plan.blobId, blobLength: layout.blobLength, parts }] }
    await context.api.call('blobsComplete', { body, signal: options.signal })
    const digests = parts.map((part) => part.sha256)
    return await describe(context, plan, supply.header, layout, digests)
  } finally {
    await supply.close()
  }
}

/** Each lane takes a part, encrypts it and sends it: memory is bounded by the number of lanes. */
async function runLanes(supply: PartSupply, sender: PartSender, options: UploadOptions): Promise<void> {
  let failed: { error: unknown } | null = null
  const lane = async () => {
    while (failed === null) {
      throwIfAborted(options.signal)
      const part = await supply.next()
      if (part === null) return
      try {
        await options.limiter.take(part.bytes.length, options.signal)
        await sender.send(part)
      } finally {
        part.release()
      }
      options.onBytes(supply.plaintextLength(part.index))
    }
  }
  const guarded = () =>
    lane().catch((error: unknown) => {
      failed ??= { error }
    })
  await Promise.all(Array.from({ length: options.jobs }, guarded))
  const failure = failed as { error: unknown } | null
  if (failure !== null) throw failure.error
}

/** What a commit needs to know of a stored blob. */
export async function describe(
  context: UploadContext,
  plan: UploadPlan,
  header: Uint8Array,
  layout: ContentLayout,
  digests: readonly Uint8Array[],
): Promise<UploadedContent> {
  if (digests.length !== layout.partCount)
    throw new ClientError('source_changed', 'The source changed while it was read.')
  const { blobLength, partSize, size } = layout
  const root = await partsRoot(context.platform.engine, {
    blobId: plan.blobId,
    blobLength,
    partSize,
    digests: concat(...digests),
  })
  return {
    blobId: plan.blobId,
    dek: plan.dek,
    dekTimeMs: plan.dekTimeMs,
    laterMtimeMs: null,
    header: header.slice(),
    size,
    blobLength,
    partSize,
    partsRoot: root,
  }
}
