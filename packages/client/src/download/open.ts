import {
  type ContentLayout,
  type CryptoEngine,
  CryptoError,
  checkLayout,
  createContentDecryptor,
  type Dek,
  equalBytes,
  partsRoot,
  type VaultId,
} from '@strongroom/crypto'
import { LIMITS, type ResponseOf, type ROUTES } from '@strongroom/protocol'
import type { ContentRecord } from '@strongroom/vault'
import { integrityError } from '../errors.ts'
import type { Clock } from '../ports.ts'
import type { Api } from '../transport/api.ts'
import type { DekOpener } from '../vault-log/types.ts'

/** A part in memory that it shares with others: once it is released, its bytes must not be touched. Releasing is optional. */
export interface EarlyPart {
  readonly bytes: Uint8Array<ArrayBuffer>
  release(): void
}

/** A blob that may be read: all that came from the server is checked against the signed record. */
export interface OpenBlob {
  readonly record: ContentRecord
  readonly layout: ContentLayout
  readonly dek: Dek
  /** Epoch of the wrap that held the DEK. */
  readonly epoch: number
  /** That wrap, and whether there are older ones of the same content. */
  readonly wrap: { readonly bytes: Uint8Array; readonly hasOlder: boolean }
  /** SHA-256 of each part, one after the other; their root is the signed one. */
  readonly digests: Uint8Array
  url: string
  /** When to ask for another URL, by this device's clock. */
  renewAtMs: number
  /** Its only part as it came together with others, once; nothing of it is verified. */
  early?: () => Promise<EarlyPart | null>
}

export interface OpenContext {
  readonly engine: CryptoEngine
  readonly clock: Clock
  readonly api: Api
  readonly vaultId: VaultId
  readonly unwrap: DekOpener
}

/**
 * Opens up to 1,000 blobs in one request, in the order of `records`.
 *
 * @throws ClientError `integrity` when an answer does not fit its record
 */
export async function openBlobs(
  context: OpenContext,
  records: readonly ContentRecord[],
  signal: AbortSignal | undefined,
): Promise<OpenBlob[]> {
  if (records.length === 0) return []
  if (records.length > LIMITS.batch) throw new Error('too many blobs for one request')
  const unique = new Map(records.map((record) => [keyOf(record.blobId), record.blobId]))
  const body = { vaultId: context.vaultId, blobIds: [...unique.values()] }
  const answer = await context.api.call('blobsOpen', { body, signal })
  const found = new Map(answer.blobs.map((blob) => [keyOf(blob.blobId), blob]))
  return await Promise.all(
    records.map(async (record) => {
      const blob = found.get(keyOf(record.blobId))
      if (blob === undefined) throw integrityError('a blob that the server left out')
      return await checkBlob(context, record, blob)
    }),
  )
}

type Answered = ResponseOf<(typeof ROUTES)['blobsOpen']>['blobs'][number]

async function checkBlob(context: OpenContext, record: ContentRecord, blob: Answered): Promise<OpenBlob> {
  const layout = recordLayout(record)
  const { blobId, blobLength, partSize } = record
  if (blob.blobLength !== blobLength || blob.digests.length !== layout.partCount * 32) {
    throw integrityError('the length of a blob')
  }
  const root = await partsRoot(context.engine, { blobId, blobLength, partSize, digests: blob.digests })
  if (!equalBytes(root, record.partsRoot)) throw integrityError('the digest list of a blob')
  const found = await findDek(context, record, blob.wraps)
  return { record, layout, ...found, digests: blob.digests, url: blob.url, renewAtMs: urlRenewal(context.clock) }
}

/** The newest wrap whose DEK reproduces the header's tag. */
async function findDek(
  context: OpenContext,
  record: ContentRecord,
  wraps: Answered['wraps'],
): Promise<Pick<OpenBlob, 'dek' | 'epoch' | 'wrap'>> {
  const newestFirst = wraps.filter((wrap) => equalBytes(wrap.blobId, record.blobId)).sort((a, b) => b.epoch - a.epoch)
  let failure: unknown
  for (const { epoch, bytes } of newestFirst) {
    let dek: Dek | null = null
    try {
      dek = await context.unwrap(epoch, record.blobId, bytes)
      const decryptor = await createContentDecryptor(context.engine, {
        dek,
        blobId: record.blobId,
        header: record.header,
      })
      decryptor.dispose()
      const hasOlder = newestFirst.some((other) => other.epoch < epoch)
      return { dek, epoch, wrap: { bytes, hasOlder } }
    } catch (error) {
      dek?.dispose()
      if (!(error instanceof CryptoError)) throw error
      failure = error
    }
  }
  throw integrityError('the key of a file', failure)
}

/** Reason: the server's expiry is told by its clock, which this device need not share. */
export function urlRenewal(clock: Clock): number {
  return clock.nowMs() + LIMITS.urlLifeMs / 2
}

/** Layout that a signed record states. @throws ClientError `integrity` */
export function recordLayout(record: ContentRecord): ContentLayout {
  try {
    return checkLayout(record)
  } catch (cause) {
    throw integrityError('the layout of a file', cause)
  }
}

function keyOf(id: Uint8Array): string {
  return id.join('.')
}
