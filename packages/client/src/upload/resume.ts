import { equalBytes } from '@strongroom/crypto'
import type { UploadRecord } from '../journal/upload-record.ts'
import type { SeekableSource } from '../ports.ts'
import { inPlaces } from '../transport/flight.ts'
import { type PartSupply, seekableSupply } from './encrypt-parts.ts'
import { layoutOf, planUpload, type UploadPlan } from './plan.ts'
import { complete, describe, reserve, senderFor, sendParts } from './transfer.ts'
import type { UploadContext, UploadedContent, UploadOptions } from './types.ts'

/*
 * [Note: Resuming an upload]
 *
 * The journal says which parts the store has confirmed, and has a MAC of the plaintext of each. Before anything more
 * is sent, those parts are read again and compared; only where all are the same does the upload go on, so that what a
 * blob holds is always one state of its source, read from front to end by one process that saw no change of size, time
 * or inode meanwhile. A stored content, which is given a new key, never changes: it is not read again. The other parts
 * are encrypted anew, each segment under a fresh IV.
 */

/** The source is not what the earlier attempt has sent. */
class StaleJournal extends Error {}

/** Whether an earlier attempt can't be continued, so that a new blob is due. */
export function isStale(error: unknown): boolean {
  return error instanceof StaleJournal
}

interface Continued {
  readonly record: UploadRecord
  readonly inVault: boolean
}

/** Uploads a new blob, and keeps a journal of it. */
export async function uploadJournaled(
  context: UploadContext,
  source: SeekableSource,
  options: UploadOptions,
): Promise<UploadedContent> {
  const { engine, clock } = context.platform
  const plan = planUpload(engine, clock.nowMs())
  return await upload(context, source, { plan, macKey: engine.randomBytes(32), continued: null }, options)
}

/**
 * Goes on with a blob that an earlier attempt began. Takes over the DEK of `record`.
 *
 * @throws what `isStale` tells when the source differs
 */
export async function continueUpload(
  context: UploadContext,
  source: SeekableSource,
  record: UploadRecord,
  options: UploadOptions,
): Promise<UploadedContent> {
  const { begun, parts } = record
  const inVault = options.journal?.committed != null
  const isWhole = parts.length === layoutOf(source.size).partCount
  if (begun.size !== source.size || (inVault && !isWhole)) {
    begun.dek.dispose()
    throw new StaleJournal()
  }
  const work = { plan: begun, macKey: begun.macKey, continued: { record, inVault } }
  return await upload(context, source, work, options)
}

interface Work {
  readonly plan: UploadPlan
  readonly macKey: Uint8Array
  readonly continued: Continued | null
}

async function upload(
  context: UploadContext,
  source: SeekableSource,
  { plan, macKey, continued }: Work,
  options: UploadOptions,
): Promise<UploadedContent> {
  const { journal } = options
  const layout = layoutOf(source.size)
  const earlier = continued?.record.parts ?? []
  const done = new Set(earlier.map((part) => part.index))
  let supply: PartSupply | null = null
  let isKept = false
  try {
    const journaled = { macKey, header: continued?.record.begun.header, isDone: (index: number) => done.has(index) }
    supply = await seekableSupply(context.content, source, layout, plan, { journaled })
    const { header } = supply
    if (continued === null) await journal?.begin({ ...plan, header, size: source.size, macKey })
    else {
      journal?.resume(continued.record)
      if (source.unchanging) count(supply, continued.record, options)
      else await compare(supply, continued.record, options)
    }
    const sender = senderFor(context, plan, options)
    for (const part of earlier) sender.adopt(part.index, part)
    if (continued?.inVault !== true) {
      await reserve(context, plan, layout.blobLength, layout.partSize, options.signal)
      await sendParts(supply, sender, options)
    }
    await supply.finish()
    // Invariant: what `complete` is about to name is written down before: after it, no part can be sent again.
    await journal?.flush()
    const inVault = continued?.inVault ?? false
    const digests = inVault
      ? sender.parts().map((part) => part.sha256)
      : await complete(context, plan, { supply, sender, layout }, options)
    const content = await describe(context, plan, header, layout, digests)
    isKept = true
    return { ...content, inVault }
  } finally {
    await supply?.close()
    // Reason: a save that is still waiting needs the DEK.
    await journal?.flush().catch(() => undefined)
    if (!isKept) plan.dek.dispose()
  }
}

function count(supply: PartSupply, { parts }: UploadRecord, options: UploadOptions): void {
  for (const { index } of parts) options.onBytes(supply.plaintextLength(index))
}

/** Reads the parts again that the store has. */
async function compare(supply: PartSupply, { parts }: UploadRecord, options: UploadOptions): Promise<void> {
  let next = 0
  await inPlaces({ ...options, bytes: supply.partBytes }, async () => {
    const part = parts[next]
    next += 1
    if (part === undefined) return false
    const mac = await supply.macPart(part.index)
    if (mac === null || !equalBytes(mac, part.mac)) throw new StaleJournal()
    options.onBytes(supply.plaintextLength(part.index))
    return true
  })
}
