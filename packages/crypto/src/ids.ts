import type { Bytes } from './encoding.ts'
import { CryptoError } from './errors.ts'
import { ID_LENGTH } from './sizes.ts'

declare const brand: unique symbol
type Id<Name extends string> = Bytes & { readonly [brand]: Name }

export type AccountId = Id<'account'>
export type DeviceId = Id<'device'>
export type VaultId = Id<'vault'>
export type NodeId = Id<'node'>
export type VersionId = Id<'version'>
export type BlobId = Id<'blob'>

/** Takes 16 bytes as an account id; throws CryptoError `malformed` for another length. */
export function asAccountId(bytes: Bytes): AccountId {
  return checked(bytes) as AccountId
}

/** Takes 16 bytes as a device id; throws CryptoError `malformed` for another length. */
export function asDeviceId(bytes: Bytes): DeviceId {
  return checked(bytes) as DeviceId
}

/** Takes 16 bytes as a vault id; throws CryptoError `malformed` for another length. */
export function asVaultId(bytes: Bytes): VaultId {
  return checked(bytes) as VaultId
}

/** Takes 16 bytes as a node id; throws CryptoError `malformed` for another length. */
export function asNodeId(bytes: Bytes): NodeId {
  return checked(bytes) as NodeId
}

/** Takes 16 bytes as a version id; throws CryptoError `malformed` for another length. */
export function asVersionId(bytes: Bytes): VersionId {
  return checked(bytes) as VersionId
}

/** Takes 16 bytes as a blob id; throws CryptoError `malformed` for another length. */
export function asBlobId(bytes: Bytes): BlobId {
  return checked(bytes) as BlobId
}

/** The brand is true because a brand only says what its owner calls the bytes; the length is all there is to check. */
function checked(bytes: Bytes): Bytes {
  if (bytes.length !== ID_LENGTH) throw new CryptoError('malformed')
  return bytes
}
