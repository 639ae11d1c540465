export { AUDIT_EVENT, type AuditEntry, auditEntryMessage } from './audit.ts'
export {
  CARD_LENGTH,
  type CardVerifier,
  cardHashMessage,
  type IdentityCard,
  type ParsedCard,
  parseCard,
  verifyCard,
} from './card.ts'
export {
  type ContentDecryptor,
  type ContentEncryptor,
  createContentDecryptor,
  createContentEncryptor,
  type PlainPart,
  resumeContentEncryptor,
} from './content/content.ts'
export { partsRoot } from './content/parts-root.ts'
export { derive, extract } from './derive.ts'
export { isSmallOrder, isStrictEd25519 } from './ed25519-encoding.ts'
export type { Bytes } from './encoding.ts'
export {
  compareBytes,
  concat,
  copyOf,
  equalBytes,
  fromHex,
  fromUtf8,
  i64,
  isZero,
  readI64,
  readU32,
  readU64,
  toHex,
  u8,
  u16,
  u32,
  u64,
  utf8,
} from './encoding.ts'
export type { AesGcmKey, CryptoEngine, HashName } from './engine.ts'
export { webCryptoEngine } from './engines/webcrypto.ts'
export { CRYPTO_ERROR_CODES, CryptoError, type CryptoErrorCode, RecoveryKeyError } from './errors.ts'
export { HPKE_WRAP_LENGTH, XWING_PUBLIC_KEY_LENGTH } from './hpke-layout.ts'
export {
  type AccountId,
  asAccountId,
  asBlobId,
  asDeviceId,
  asNodeId,
  asVaultId,
  asVersionId,
  type BlobId,
  type DeviceId,
  type NodeId,
  type VaultId,
  type VersionId,
} from './ids.ts'
export { keyringChangeMessage } from './keyring-change.ts'
export {
  type EnvelopeMethod,
  type EnvelopePlace,
  generateAccountKey,
  localKey,
  openAccountKey,
  passwordKek,
  recoveryAuth,
  recoveryKek,
  sealAccountKey,
  sessionKek,
} from './keys/account-key.ts'
export { hpkeOpenVaultKey, hpkeSealVaultKey, type VaultKeyRecipient, xwingPublicKey } from './keys/hpke.ts'
export { createCard, generateIdentitySeeds, type IdentitySeeds } from './keys/identity.ts'
export { type Anchor, disposeKeyring, type Keyring, openKeyring, sealKeyring } from './keys/keyring.ts'
export { pbkdf2Password } from './keys/pbkdf2-password.ts'
export { formatRecoveryKey, generateRecoveryKey, parseRecoveryKey } from './keys/recovery-key.ts'
export {
  checkVaultKeyCommitment,
  generateDek,
  generateVaultKey,
  openPreviousVaultKey,
  sealPreviousVaultKey,
  unwrapDek,
  type VaultEpoch,
  type VaultKeys,
  vaultKeyCommitment,
  vaultKeys,
  wrapDek,
} from './keys/vault-keys.ts'
export {
  type DeriveLabel,
  type ExtractLabel,
  type HashType,
  LABEL_VERSION,
  LABELS,
  type SealType,
  type SignType,
} from './labels.ts'
export { hashMessage, signatureMessage } from './messages.ts'
export { padObject, unpadObject } from './padding.ts'
export { type Receipt, verifyReceipt } from './receipt.ts'
export { open, openInPlace, type SealContext, seal, sealContext } from './seal.ts'
export { checkSealed, SEALED_OVERHEAD, sealedLength, unsealedLength } from './sealed-layout.ts'
export {
  type AccountKey,
  asAccountKey,
  asDek,
  asKek,
  asRecoveryKey,
  asVaultKey,
  type Dek,
  type Kek,
  type RandomSource,
  type RecoveryKey,
  SecretBytes,
  type VaultKey,
} from './secret-bytes.ts'
export * from './sizes.ts'
export { type WrapsConfirmation, wrapsConfirmationMessage } from './wraps-confirmation.ts'
