import { equalBytes, toHex } from '@strongroom/crypto'
import { LIMITS } from '@strongroom/protocol'
import {
  type AttachOperation,
  type ContentRecord,
  LABEL_PATTERN,
  MAX_CONTENTS,
  type VaultNode,
  type VaultState,
  type VaultVersion,
} from '@strongroom/vault'
import { memorySource } from '../content/memory-source.ts'
import { ClientError } from '../errors.ts'
import type { SeekableSource } from '../ports.ts'
import { isInline, layoutOf } from '../upload/plan.ts'
import { SMALL_BATCH, uploadSmallFiles } from '../upload/small-files.ts'
import type { UploadedContent } from '../upload/types.ts'
import { uploadContent } from '../upload/upload.ts'
import { type DriveContext, transferOf, uploadContext, uploadOptions } from './context.ts'
import { GONE_ATTEMPTS, goneBlobs } from './gone.ts'
import { contentRecord } from './plan-writes.ts'
import type { Attachment, AttachOutcome, TransferOptions } from './types.ts'

/** The slot that holds what the file itself is. */
const MAIN = 'main'

interface Place {
  readonly node: VaultNode
  readonly version: VaultVersion
}

/** The version that an attachment names, or null once it was destroyed. */
function placeOf(state: VaultState, { nodeId, versionId }: Pick<Attachment, 'nodeId' | 'versionId'>): Place | null {
  const node = state.nodes.get(nodeId.toLowerCase())
  const wanted = versionId.toLowerCase()
  const version = node?.versions.find(({ id }) => toHex(id) === wanted)
  return node === undefined || version === undefined ? null : { node, version }
}

function contentIn({ version }: Place, slot: string): ContentRecord | undefined {
  return version.contents.find((content) => content.slot === slot)
}

function isFree(state: VaultState, slot: string, attachment: Attachment): boolean {
  const place = placeOf(state, attachment)
  return place !== null && contentIn(place, slot) === undefined && place.version.contents.length < MAX_CONTENTS
}

/**
 * Gives versions a further content each, in as few commits as it takes. What has one in this slot already keeps it,
 * whoever was first: only what is still free after the newest commits is uploaded at all.
 *
 * @param slot - anything but `main`
 * @throws ClientError `usage`, `quota`, and whatever ends an upload
 */
export async function attach(
  context: DriveContext,
  slot: string,
  given: readonly Attachment[],
  options: TransferOptions = {},
): Promise<AttachOutcome[]> {
  checkSlot(slot)
  // Reason: one that is given twice has two outcomes.
  const attachments = given.map((each) => ({ ...each }))
  if (attachments.length > LIMITS.batch)
    throw new ClientError('usage', `At most ${LIMITS.batch} can be attached at once.`)
  const { log } = context
  await log.sync(options.signal)
  const seen = new Set<string>()
  const wanted = attachments.filter((attachment) => {
    const key = `${attachment.nodeId} ${attachment.versionId}`.toLowerCase()
    return isFree(log.state, slot, attachment) && !seen.has(key) && seen.add(key)
  })
  const blobs = new Map<Attachment, Uint8Array>()
  try {
    for (const batch of batchesOf(wanted)) await attachBatch(context, { slot, batch, options, blobs })
  } finally {
    await log.flush()
  }
  return attachments.map((attachment) => outcomeOf(log.state, { slot, attachment, blobId: blobs.get(attachment) }))
}

function checkSlot(slot: string): void {
  if (LABEL_PATTERN.test(slot) && slot !== MAIN) return
  throw new ClientError('usage', 'A slot has a name of its own, of small letters, digits and hyphens.')
}

function outcomeOf(
  state: VaultState,
  { slot, attachment, blobId }: { slot: string; attachment: Attachment; blobId: Uint8Array | undefined },
): AttachOutcome {
  const place = placeOf(state, attachment)
  const content = place === null ? undefined : contentIn(place, slot)
  if (blobId !== undefined && content !== undefined && equalBytes(content.blobId, blobId)) return 'attached'
  return place === null ? 'gone' : 'taken'
}

/** As many small ones as travel in one request; a larger one alone. */
function* batchesOf(wanted: readonly Attachment[]): Generator<Attachment[]> {
  let batch: Attachment[] = []
  let length = 0
  for (const attachment of wanted) {
    const layout = layoutOf(attachment.bytes.length)
    if (!isInline(layout)) {
      yield [attachment]
      continue
    }
    if (length + layout.blobLength > SMALL_BATCH.bytes) {
      yield batch
      ;[batch, length] = [[], 0]
    }
    batch.push(attachment)
    length += layout.blobLength
  }
  if (batch.length > 0) yield batch
}

interface Run {
  readonly slot: string
  readonly batch: readonly Attachment[]
  readonly options: TransferOptions
  /** Told which blob each of them became. */
  readonly blobs: Map<Attachment, Uint8Array>
}

async function attachBatch(context: DriveContext, { slot, batch, options, blobs }: Run): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const uploaded = await upload(context, batch, options)
    try {
      await context.log.commit((state) => {
        const free = uploaded.filter(({ attachment }) => isFree(state, slot, attachment))
        const operations = free.flatMap(({ attachment, content }): AttachOperation[] => {
          const place = placeOf(state, attachment)
          if (place === null) return []
          const record = { ...contentRecord(content), slot }
          return [{ op: 'attach', nodeId: place.node.id, versionId: place.version.id, content: record }]
        })
        return operations.length === 0 ? null : { operations, contents: free.map(({ content }) => content) }
      }, options.signal)
      for (const { attachment, content } of uploaded) blobs.set(attachment, content.blobId)
      return
    } catch (error) {
      if (goneBlobs(error) === null || attempt >= GONE_ATTEMPTS) throw error
    } finally {
      for (const { content } of uploaded) content.dek.dispose()
    }
  }
}

interface Uploaded {
  readonly attachment: Attachment
  readonly content: UploadedContent
}

async function upload(
  context: DriveContext,
  batch: readonly Attachment[],
  options: TransferOptions,
): Promise<Uploaded[]> {
  const sending = uploadOptions(transferOf(context, options), () => undefined)
  const sources = batch.map((item): { item: Attachment; source: SeekableSource } => {
    return { item, source: memorySource(item.bytes, 0) }
  })
  const [only] = sources
  if (only !== undefined && !isInline(layoutOf(only.item.bytes.length))) {
    const content = await uploadContent(uploadContext(context), only.source, sending)
    return [{ attachment: only.item, content }]
  }
  const results = await uploadSmallFiles(uploadContext(context), sources, sending)
  const failed = results.find((result) => 'error' in result)
  const uploaded = results.flatMap((result) =>
    'content' in result ? [{ attachment: result.item, content: result.content }] : [],
  )
  if (failed === undefined) return uploaded
  for (const { content } of uploaded) content.dek.dispose()
  throw failed.error
}
