import {
  type BlobId,
  type CryptoEngine,
  compareBytes,
  signatureMessage,
  type VaultId,
  wrapsConfirmationMessage,
} from '@strongroom/crypto'
import type { Author } from '@strongroom/vault'
import type { SignedWraps } from './types.ts'

/** Signs what an owner has opened, so that the server may remove older wraps. @see spec/keys.md §14 */
export async function signWraps(
  { engine, author }: { readonly engine: CryptoEngine; readonly author: Pick<Author, 'seed'> },
  input: {
    readonly vaultId: VaultId
    readonly epoch: number
    readonly wraps: readonly { readonly blobId: BlobId; readonly bytes: Uint8Array }[]
  },
): Promise<SignedWraps> {
  const { vaultId, epoch } = input
  const hashed = await Promise.all(
    input.wraps.map(async ({ blobId, bytes }) => ({ blobId, sha256: await engine.sha256(bytes) })),
  )
  const wraps = hashed.sort((left, right) => compareBytes(left.blobId, right.blobId))
  const message = signatureMessage('wraps', await engine.sha256(wrapsConfirmationMessage({ vaultId, epoch, wraps })))
  const signature = await author.seed.use((seed) => engine.ed25519Sign(seed, message))
  return { vaultId, epoch, wraps, signature }
}
