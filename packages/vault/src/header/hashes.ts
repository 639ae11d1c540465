import { hashMessage } from '@strongroom/crypto/envelope'
import { encodeCbor } from './cbor.ts'
import type { Member } from './members.ts'
import { ROLES, STATES } from './members.ts'

/** What hashes: every CryptoEngine does, and the server's own few lines. */
export interface Hasher {
  sha256(bytes: Uint8Array): Promise<Uint8Array>
}

/** What verifies Ed25519 signatures: strict, cofactorless, false for anything malformed. */
export interface Verifier {
  ed25519Verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean>
}

/** Hash of a commit's header, the link of the chain and what the author signs. */
export function commitHash(hasher: Hasher, headerBytes: Uint8Array): Promise<Uint8Array> {
  return hasher.sha256(hashMessage('commit', headerBytes))
}

/** Hash of a members table, which must be sorted by account id. */
export function membersHash(hasher: Hasher, members: readonly Member[]): Promise<Uint8Array> {
  const rows = members.map((member) => [
    member.accountId,
    member.suite,
    member.publicKey,
    member.cardHash,
    ROLES.indexOf(member.role),
    STATES.indexOf(member.state),
  ])
  return hasher.sha256(hashMessage('members', encodeCbor(rows)))
}

/** The id of the vault that the holder of a card founds with 32 random bytes. */
export async function deriveVaultId(
  hasher: Hasher,
  founderCardHash: Uint8Array,
  random: Uint8Array,
): Promise<Uint8Array> {
  return (await hasher.sha256(hashMessage('vault', founderCardHash, random))).slice(0, 16)
}

/** Hash by which a commit names a sealed checkpoint manifest. */
export function checkpointHash(hasher: Hasher, sealedManifest: Uint8Array): Promise<Uint8Array> {
  return hasher.sha256(hashMessage('checkpoint', sealedManifest))
}
