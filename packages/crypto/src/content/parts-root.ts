import type { Bytes } from '../encoding.ts'
import { u32, u64 } from '../encoding.ts'
import type { CryptoEngine } from '../engine.ts'
import { CryptoError } from '../errors.ts'
import type { BlobId } from '../ids.ts'
import { hashMessage } from '../messages.ts'
import { ID_LENGTH } from '../sizes.ts'

const DIGEST_LENGTH = 32

/**
 * Root of a blob's digest list, which the signed record holds.
 *
 * @param blob - `digests`: SHA-256 of every part's stored bytes, joined in order
 * @throws CryptoError `malformed` when the digests are not one for each part
 */
export function partsRoot(
  engine: Pick<CryptoEngine, 'sha256'>,
  blob: { blobId: BlobId; blobLength: number; partSize: number; digests: Bytes },
): Promise<Bytes> {
  const { blobId, blobLength, partSize, digests } = blob
  const count = Math.ceil(blobLength / partSize)
  if (blobId.length !== ID_LENGTH || digests.length !== count * DIGEST_LENGTH) throw new CryptoError('malformed')
  return engine.sha256(hashMessage('parts', blobId, u64(blobLength), u32(partSize), u32(count), digests))
}
