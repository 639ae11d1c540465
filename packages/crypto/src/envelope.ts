/*
 * What a party that never holds a key needs: structure checks, messages to hash or to verify, identity cards.
 * Invariant: nothing reachable from here opens, unwraps or decrypts anything, or holds a secret.
 */
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
export { HPKE_WRAP_LENGTH } from './hpke-layout.ts'
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
export type { HashType, SignType } from './labels.ts'
export { hashMessage, signatureMessage } from './messages.ts'
export {
  encodeReceipt,
  type Receipt,
  receiptHashMessage,
  verifyReceipt,
} from './receipt.ts'
export { checkSealed, SEALED_OVERHEAD, sealedLength, unsealedLength } from './sealed-layout.ts'
export { type WrapsConfirmation, wrapsConfirmationMessage } from './wraps-confirmation.ts'
