import { Aes256Gcm, CipherSuite, HkdfSha256 } from '@hpke/core'
import { XWing } from '@hpke/hybridkem-x-wing'
import type { Bytes } from '../encoding.ts'
import { concat, copyOf, u32 } from '../encoding.ts'
import { CryptoError } from '../errors.ts'
import { HPKE_WRAP_LENGTH, XWING_ENCAPSULATION_LENGTH, XWING_PUBLIC_KEY_LENGTH } from '../hpke-layout.ts'
import type { AccountId, VaultId } from '../ids.ts'
import { LABEL_VERSION, labelPrefix } from '../labels.ts'
import type { VaultKey } from '../secret-bytes.ts'
import { asVaultKey, SecretBytes } from '../secret-bytes.ts'
import { ID_LENGTH, KEY_LENGTH } from '../sizes.ts'

/** Which vault key for whom. */
export interface VaultKeyRecipient {
  readonly vaultId: VaultId
  readonly epoch: number
  /** The member who will open the wrap. */
  readonly accountId: AccountId
}

/** The X-Wing public key (1216 bytes) of a 32-byte seed. */
export async function xwingPublicKey(seed: SecretBytes): Promise<Bytes> {
  if (seed.length !== KEY_LENGTH) throw new CryptoError('invalid_key')
  const kem = new XWing()
  const pair = await seed.use((bytes) => kem.generateKeyPairDerand(copyOf(bytes)))
  return new Uint8Array(await kem.serializePublicKey(pair.publicKey))
}

/**
 * Wraps a vault key for a member: HPKE base mode with X-Wing, HKDF-SHA256, AES-256-GCM.
 *
 * @param publicKey - the recipient's X-Wing key, from a pinned card
 * @returns `01 ‖ encapsulation(1120) ‖ ciphertext(48)`
 * @throws CryptoError `invalid_key` for a public key that cannot be used
 */
export async function hpkeSealVaultKey(
  publicKey: Bytes,
  recipient: VaultKeyRecipient,
  vaultKey: VaultKey,
): Promise<Bytes> {
  if (publicKey.length !== XWING_PUBLIC_KEY_LENGTH) throw new CryptoError('invalid_key')
  const suite = newSuite()
  const key = await suite.kem.deserializePublicKey(copyOf(publicKey)).catch((cause) => {
    throw new CryptoError('invalid_key', { cause })
  })
  const sender = await suite.createSenderContext({ recipientPublicKey: key, info: infoOf(recipient) })
  const plaintext = vaultKey.use((bytes) => copyOf(bytes))
  try {
    const sealed = new Uint8Array(await sender.seal(plaintext))
    return concat(Uint8Array.of(LABEL_VERSION), new Uint8Array(sender.enc), sealed)
  } finally {
    plaintext.fill(0)
  }
}

/**
 * Unwraps a vault key.
 *
 * @param seed - the recipient's X-Wing seed
 * @throws CryptoError `upgrade_required` for another version, `malformed` for another length, `decrypt_failed`
 */
export async function hpkeOpenVaultKey(
  seed: SecretBytes,
  recipient: VaultKeyRecipient,
  wrapped: Bytes,
): Promise<VaultKey> {
  if (wrapped.length > 0 && wrapped[0] !== LABEL_VERSION) throw new CryptoError('upgrade_required')
  if (wrapped.length !== HPKE_WRAP_LENGTH) throw new CryptoError('malformed')
  if (seed.length !== KEY_LENGTH) throw new CryptoError('invalid_key')
  const suite = newSuite()
  const info = infoOf(recipient)
  try {
    const recipientKey = await seed.use((bytes) => suite.kem.deserializePrivateKey(copyOf(bytes)))
    const enc = copyOf(wrapped, 1, 1 + XWING_ENCAPSULATION_LENGTH)
    const context = await suite.createRecipientContext({ recipientKey, enc, info })
    const opened = await context.open(copyOf(wrapped, 1 + XWING_ENCAPSULATION_LENGTH))
    return asVaultKey(SecretBytes.take(new Uint8Array(opened)))
  } catch (cause) {
    throw new CryptoError('decrypt_failed', { cause })
  }
}

function newSuite(): CipherSuite {
  return new CipherSuite({ kem: new XWing(), kdf: new HkdfSha256(), aead: new Aes256Gcm() })
}

function infoOf(recipient: VaultKeyRecipient): Uint8Array<ArrayBuffer> {
  const { vaultId, epoch, accountId } = recipient
  if (vaultId.length !== ID_LENGTH || accountId.length !== ID_LENGTH) throw new CryptoError('malformed')
  return copyOf(concat(labelPrefix('vault-key'), vaultId, u32(epoch), accountId))
}
