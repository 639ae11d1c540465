import { HPKE_WRAP_LENGTH, sealedLength } from '@strongroom/crypto/envelope'

/** Lengths and limits of the vault log; `spec/vault-log.md` §11 lists them. */
export const HEADER_LENGTH = 276
export const SIGNATURE_LENGTH = 64
/** Largest server section in bytes. */
export const MAX_SECTION_LENGTH = 1024 * 1024
/** Largest sealed body in bytes. */
export const MAX_BODY_LENGTH = 1024 * 1024
/** Sealed form of a body without operations: 256 padded bytes and what sealing adds. */
export const EMPTY_BODY_LENGTH = sealedLength(256)
/** Most operations in a commit. */
export const MAX_OPERATIONS = 10_000
/** Most blobs that one commit may add, and as many again that it may release. */
export const MAX_REFERENCES = 20_000
/** Largest count of one reference. */
export const MAX_REFERENCE_COUNT = 0xffffffff
/** Most members of a vault, invited ones included. */
export const MAX_MEMBERS = 500
/** HPKE wrap of a vault key. */
export const MEMBER_WRAP_LENGTH = HPKE_WRAP_LENGTH
/** The previous vault key, sealed under the new one. */
export const SEALED_KEY_LENGTH = sealedLength(32)
/** The only signature suite so far: Ed25519. */
export const SUITE_ED25519 = 1
