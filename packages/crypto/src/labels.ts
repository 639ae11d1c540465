import type { Bytes } from './encoding.ts'
import { concat, utf8 } from './encoding.ts'

const ID = 16
const EPOCH = 4
const U64 = 8
const METHOD = 1
const MIB = 1024 * 1024

/**
 * The one table of labels: whatever is derived, extracted, sealed, signed or hashed has its row here.
 *
 * Numbers are the byte lengths of the ids that follow a label, in order. A test proves that no two rows can make the
 * same bytes for the same primitive.
 *
 * @see spec/keys.md §2
 */
export const LABELS = {
  /** HKDF-Expand-SHA512 info: "strongroom/derive/" ‖ label ‖ 00 01 ‖ ids. */
  derive: {
    /** Key that seals commit bodies: vault, epoch. */
    log: [ID, EPOCH],
    /** Key that seals checkpoint manifests: vault, epoch. */
    checkpoint: [ID, EPOCH],
    /** Key that wraps DEKs: vault, epoch. */
    dek: [ID, EPOCH],
    /** Key that seals the vault key of the epoch before: vault, epoch. */
    history: [ID, EPOCH],
    /** Public commitment to a vault key: vault, epoch. */
    'key-commitment': [ID, EPOCH],
    /** Key that seals the keyring, from the account key. */
    keyring: [],
    /** Key of one device's journal and caches, from the account key: account, device. */
    local: [ID, ID],
    /** Session KEK, from client half ‖ server half. */
    session: [],
    /** KEK of an account-key envelope, from an extracted input. */
    kek: [],
    /** Authentication branch of the recovery key, from an extracted input. */
    auth: [],
  },
  /** HKDF-Extract-SHA512 salt: "strongroom/" ‖ label ‖ ids. */
  extract: {
    /** OPAQUE export key: account. */
    password: [ID],
    /** Recovery key: branch that opens the account-key envelope. */
    'recovery-kek': [],
    /** Recovery key: branch that authenticates. */
    'recovery-auth': [],
  },
  /** Cobblestone-256 context: "strongroom/" ‖ type ‖ 00 01 ‖ ids. */
  seal: {
    /** A DEK under a vault's epoch: vault, epoch, blob. */
    dek: { ids: [ID, EPOCH, ID], maxPlaintext: 32 },
    /** The account key under a KEK: account, method (1 password, 2 recovery, 3 session), version. */
    'account-key': { ids: [ID, METHOD, U64], maxPlaintext: 32 },
    /** account, version. */
    keyring: { ids: [ID, U64], maxPlaintext: MIB },
    /** Body of a commit: vault, epoch, seq. */
    body: { ids: [ID, EPOCH, U64], maxPlaintext: MIB },
    /** Manifest of a checkpoint: vault, epoch, seq. */
    checkpoint: { ids: [ID, EPOCH, U64], maxPlaintext: MIB },
    /** Vault key of the epoch before, under the new one: vault, new epoch. */
    'previous-vault-key': { ids: [ID, EPOCH], maxPlaintext: 32 },
    /** A device's session, pins and settings: account, device. */
    'local-profile': { ids: [ID, ID], maxPlaintext: 16 * MIB },
    /** A device's copy of a vault's state: account, device, vault. */
    'local-index': { ids: [ID, ID, ID], maxPlaintext: 1024 * MIB },
    /** A device's journal of one transfer: account, device, transfer. */
    'local-journal': { ids: [ID, ID, ID], maxPlaintext: 16 * MIB },
  },
  /** Ed25519 message: "strongroom/" ‖ type ‖ "-signature" ‖ 00 01 ‖ SHA-256 hash. */
  sign: {
    commit: [32],
    /** A card's signature by its own key. */
    card: [32],
    /** A card's signature by the key of the card before. */
    'card-succession': [32],
    /** The server's receipt for a deleted account. */
    receipt: [32],
    /** An owner's word that wraps hold the right keys. */
    wraps: [32],
    /** An account's word that a keyring takes the place of the one before. */
    'keyring-change': [32],
  },
  /** SHA-256 message: "strongroom/" ‖ type ‖ 00 01 ‖ parts. */
  hash: {
    /** Header of a commit. */
    commit: null,
    /** Table of members. */
    members: null,
    /** founder card hash(32) ‖ random(32), gives the vault id. */
    vault: null,
    /** vault id, gives the id of the root folder. */
    root: null,
    /** vault id, gives the id of the folder "Recovered". */
    recovered: null,
    /** Sealed manifest of a checkpoint. */
    checkpoint: null,
    /** Canonical columns of a vault's state. */
    state: null,
    /** Body of an identity card. */
    card: null,
    /** blob ‖ u64 blobLength ‖ u32 partSize ‖ u32 count ‖ digests. */
    parts: null,
    /** SHA-256 of the OPAQUE key ‖ normalised login: salt of the pbkdf2 profile. */
    pbkdf2: null,
    /** Entry of an account's audit log. */
    audit: null,
    /** Body of a receipt for a deleted account. */
    receipt: null,
    /** vault ‖ u32 epoch ‖ u32 count ‖ (blob ‖ SHA-256 of its wrap)…. */
    wraps: null,
    /** account ‖ u64 version ‖ SHA-256 of the sealed keyring. */
    'keyring-change': null,
  },
  /** FLOE additional data: "strongroom/" ‖ type ‖ 00 01 ‖ ids. */
  encrypt: {
    /** blob. */
    content: [ID],
  },
  /** HPKE info: "strongroom/" ‖ type ‖ 00 01 ‖ ids. */
  hpke: {
    /** vault, epoch, recipient account. */
    'vault-key': [ID, EPOCH, ID],
  },
} as const

export type DeriveLabel = keyof typeof LABELS.derive
export type ExtractLabel = keyof typeof LABELS.extract
export type SealType = keyof typeof LABELS.seal
export type SignType = keyof typeof LABELS.sign
export type HashType = keyof typeof LABELS.hash

/** Version of every label: two bytes, the second is also the first byte of what `seal` stores. */
export const LABEL_VERSION = 1

/** `"strongroom/" ‖ text ‖ 00 01`, the beginning of everything that is derived, sealed, signed or hashed. */
export function labelPrefix(text: string): Bytes {
  return concat(utf8(`strongroom/${text}`), Uint8Array.of(0, LABEL_VERSION))
}
