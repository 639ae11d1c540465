import { ClientError } from '../errors.ts'
import type { FileSource, SeekableSource } from '../ports.ts'
import { apiCode } from '../transport/api.ts'
import { type PartSupply, seekableSupply, streamSupply } from './encrypt-parts.ts'
import { isInline, layoutOf, planUpload, type UploadPlan } from './plan.ts'
import { continueUpload, isStale, uploadJournaled } from './resume.ts'
import { complete, describe, reserve, senderFor, sendParts } from './transfer.ts'
import type { UploadContext, UploadedContent, UploadOptions } from './types.ts'
import { isLostUpload } from './upload-parts.ts'

/** How often an upload is tried: each time under a new blob. */
const ATTEMPTS = 3

/**
 * Uploads one content: plan, then encrypt and send parts side by side, then complete. The blob stays invisible until a
 * commit names it. A source that changes meanwhile, or a blob that the server lost, starts again under a new id and key.
 * With a journal, what an earlier process has sent of the same content is not sent again.
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
    const counted = countedOptions(options)
    try {
      const content = await uploadOnce(context, source, counted.options)
      return source === given ? content : { ...content, laterMtimeMs: source.mtimeMs }
    } catch (error) {
      const next = attempt < ATTEMPTS ? await sourceForRetry(source, error) : null
      if (next === null) throw error
      source = next
      counted.takeBack()
    }
  }
}

/** Options that remember how far they told of progress, to take it back when an attempt was in vain. */
function countedOptions(options: UploadOptions): { options: UploadOptions; takeBack(): void } {
  let counted = 0
  const onBytes = (bytes: number) => {
    counted += bytes
    options.onBytes(bytes)
  }
  return { options: { ...options, onBytes }, takeBack: () => options.onBytes(-counted) }
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
  return code === 'blob_conflict' || code === 'blob_gone' || code === 'blob_not_ready' || isLostUpload(error)
}

async function uploadOnce(
  context: UploadContext,
  source: FileSource,
  options: UploadOptions,
): Promise<UploadedContent> {
  if (source.kind === 'seekable' && options.journal !== undefined && !isInline(layoutOf(source.size))) {
    const earlier = options.journal.takeEarlier()
    if (earlier !== null) {
      const counted = countedOptions(options)
      try {
        return await continueUpload(context, source, earlier, counted.options)
      } catch (error) {
        if (!isStale(error) && !wantsNewBlob(error)) throw error
        counted.takeBack()
      }
    }
    return await uploadJournaled(context, source, options)
  }
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
  source: SeekableSource,
  plan: UploadPlan,
  options: UploadOptions,
): Promise<UploadedContent> {
  const layout = layoutOf(source.size)
  if (!isInline(layout)) await reserve(context, plan, layout.blobLength, layout.partSize, options.signal)
  const supply = await seekableSupply(context.content, source, layout, plan)
  try {
    if (isInline(layout)) return await sendInline(context, plan, supply, options)
    return await transfer(context, plan, supply, options)
  } finally {
    await supply.close()
  }
}

async function uploadStream(
  context: UploadContext,
  source: Extract<FileSource, { kind: 'stream' }>,
  plan: UploadPlan,
  options: UploadOptions,
): Promise<UploadedContent> {
  await reserve(context, plan, null, layoutOf(0, true).partSize, options.signal)
  const supply = await streamSupply(context.platform.engine, source, plan)
  try {
    return await transfer(context, plan, supply, options)
  } finally {
    await supply.close()
  }
}

async function sendInline(
  context: UploadContext,
  plan: UploadPlan,
  supply: PartSupply,
  options: UploadOptions,
): Promise<UploadedContent> {
  const part = await supply.next()
  if (part === null) throw new Error('a content has at least one part')
  const layout = await supply.finish()
  await options.limiter.take(part.bytes.length, options.signal)
  const blob = {
    blobId: plan.blobId,
    blobLength: layout.blobLength,
    partSize: layout.partSize,
    framedPart: { sha256: part.sha256, length: part.bytes.length },
  }
  await context.api.call('blobsReserve', { body: { blobs: [blob] }, payload: [part.bytes], signal: options.signal })
  part.release()
  options.onBytes(layout.size)
  return await describe(context, plan, supply.header, layout, [part.sha256])
}

async function transfer(
  context: UploadContext,
  plan: UploadPlan,
  supply: PartSupply,
  options: UploadOptions,
): Promise<UploadedContent> {
  const sender = senderFor(context, plan, options)
  await sendParts(supply, sender, options)
  const layout = await supply.finish()
  const digests = await complete(context, plan, { supply, sender, layout }, options)
  return await describe(context, plan, supply.header, layout, digests)
}
