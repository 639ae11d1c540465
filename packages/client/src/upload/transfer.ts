import { type ContentLayout, concat, partsRoot } from '@strongroom/crypto'
import { ClientError } from '../errors.ts'
import type { EncryptedPart } from '../ports.ts'
import { type ApiFailure, apiCode } from '../transport/api.ts'
import { inPlaces, type Place } from '../transport/flight.ts'
import type { PartSupply } from './encrypt-parts.ts'
import type { UploadPlan } from './plan.ts'
import type { UploadContext, UploadedContent, UploadOptions } from './types.ts'
import { type PartSender, partSender } from './upload-parts.ts'

/** Reserves a blob, or tells the server that it is still wanted. */
export async function reserve(
  context: UploadContext,
  plan: Pick<UploadPlan, 'blobId'>,
  blobLength: number | null,
  partSize: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  await context.api.call('blobsReserve', { body: { blobs: [{ blobId: plan.blobId, blobLength, partSize }] }, signal })
}

export function senderFor(
  context: UploadContext,
  plan: Pick<UploadPlan, 'blobId'>,
  options: Pick<UploadOptions, 'signal'>,
): PartSender {
  const { engine, clock } = context.platform
  const random = () => (engine.randomBytes(1)[0] ?? 0) / 256
  return partSender({ channel: context, blobId: plan.blobId, clock, random, signal: options.signal })
}

/** Encrypts and sends every part that the supply has left, as many at once as there are places. */
export async function sendParts(supply: PartSupply, sender: PartSender, options: UploadOptions): Promise<void> {
  await inPlaces({ ...options, bytes: supply.partBytes }, async (place) => {
    const part = await supply.next()
    if (part === null) return false
    await sendPart(part, sender, place, options)
    options.onBytes(supply.plaintextLength(part.index))
    return true
  })
}

async function sendPart(part: EncryptedPart, sender: PartSender, place: Place, options: UploadOptions): Promise<void> {
  try {
    await options.limiter.take(part.bytes.length, options.signal)
    const sent = await sender.send(part, place)
    place.arrived(part.bytes.length)
    if (part.mac !== null) options.journal?.confirm({ index: part.index, ...sent, mac: part.mac })
  } finally {
    part.release()
  }
}

interface Finishing {
  readonly supply: PartSupply
  readonly sender: PartSender
  readonly layout: ContentLayout
}

/**
 * Ends the upload; the digests of its parts, in order. A part that the store does not have as it was confirmed (a late
 * request of an earlier attempt came over it) is encrypted and sent again.
 */
export async function complete(
  context: UploadContext,
  plan: Pick<UploadPlan, 'blobId'>,
  { supply, sender, layout }: Finishing,
  options: UploadOptions,
): Promise<Uint8Array[]> {
  for (let repetitions = 0; ; repetitions += 1) {
    const parts = sender.parts()
    const body = { blobs: [{ blobId: plan.blobId, blobLength: layout.blobLength, parts }] }
    try {
      await context.api.call('blobsComplete', { body, signal: options.signal })
      return parts.map((part) => part.sha256)
    } catch (error) {
      const missing = missingPart(error)
      if (missing === null || missing >= layout.partCount || repetitions >= layout.partCount) throw error
      const place = await options.flight.enter(supply.partBytes, options.signal)
      try {
        const part = await supply.again(missing)
        if (part === null) throw error
        await sendPart(part, sender, place, options)
      } finally {
        place.leave()
      }
      await supply.finish()
      await options.journal?.flush()
    }
  }
}

/** Index of the part that the store could not confirm, where the server says so. */
function missingPart(error: unknown): number | null {
  if (apiCode(error) !== 'blob_not_ready') return null
  // `apiCode` has found this cause.
  const { part } = ((error as ClientError).cause as ApiFailure).details
  return typeof part === 'number' && Number.isInteger(part) && part >= 0 ? part : null
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
    inVault: false,
    header: header.slice(),
    size,
    blobLength,
    partSize,
    partsRoot: root,
  }
}
