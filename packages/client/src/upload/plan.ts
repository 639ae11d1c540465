import type { BlobId, ContentLayout, CryptoEngine, Dek } from '@strongroom/crypto'
import { asBlobId, CryptoError, contentLayout, generateDek, streamLayout } from '@strongroom/crypto'
import { LIMITS } from '@strongroom/protocol'
import { ClientError } from '../errors.ts'

/** A blob to be: its id and key, chosen before the first byte is read, and used for one content only. */
export interface UploadPlan {
  readonly blobId: BlobId
  readonly dek: Dek
  readonly dekTimeMs: number
}

/** Chooses the id and key of a new blob. */
export function planUpload(engine: CryptoEngine, nowMs: number): UploadPlan {
  return { blobId: asBlobId(engine.randomBytes(16)), dek: generateDek(engine), dekTimeMs: nowMs }
}

/** Layout of a file of known size. @throws ClientError `usage` when it is too large */
export function layoutOf(size: number, streamed = false): ContentLayout {
  try {
    return streamed ? streamLayout(size) : contentLayout(size)
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause
    throw new ClientError('usage', 'The content is larger than a file can be.', { cause })
  }
}

/** Whether a blob may travel inside its reservation. */
export function isInline(layout: ContentLayout): boolean {
  return layout.blobLength <= LIMITS.inlinePartBytes
}
