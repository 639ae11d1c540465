import type { CardVerifier } from './card.ts'
import type { Bytes } from './encoding.ts'
import { concat, copyOf, equalBytes, readU32, readU64, u8, u32, u64, utf8 } from './encoding.ts'
import { CryptoError } from './errors.ts'
import { hashMessage, signatureMessage } from './messages.ts'

const MAGIC = utf8('SRR1')
const SUITE = 1
const SCOPES = { shared: 1, 'per-user': 2 } as const
const BODY_LENGTH = 124
const SIGNATURE_LENGTH = 64
/** Bytes of a receipt, its signature included. */
const RECEIPT_LENGTH = BODY_LENGTH + SIGNATURE_LENGTH

/** What a server states about an account that it deleted. Times are milliseconds since 1970, by its clock. */
export interface Receipt {
  readonly accountId: Bytes
  /** Whether the account had a key of the key service of its own. */
  readonly scope: keyof typeof SCOPES
  readonly deletedMs: number
  /** From when copies of the database are noise; null while nobody knows. */
  readonly noiseFromMs: number | null
  /** Copies made since then hold the account's outer keys under the key of `kmsKeyHash` only; 0: not known. */
  readonly kmsKeySinceMs: number
  /** SHA-256 of that key's id in UTF-8. */
  readonly kmsKeyHash: Bytes
  /** What was destroyed. */
  readonly outerKeys: number
  readonly sessions: number
  readonly vaults: number
  readonly commits: number
  readonly blobs: number
  /** Stored ciphertext that the account was charged for. */
  readonly bytes: number
  /** When this receipt was signed. */
  readonly issuedMs: number
}

/**
 * The part of a receipt that is signed.
 *
 * @throws CryptoError `malformed`, `size_out_of_range`
 * @see spec/keys.md, deletion
 */
export function encodeReceipt(receipt: Receipt): Bytes {
  const { accountId, kmsKeyHash } = receipt
  if (accountId.length !== 16 || kmsKeyHash.length !== 32 || receipt.noiseFromMs === 0) {
    throw new CryptoError('malformed')
  }
  return concat(
    MAGIC,
    u8(SUITE),
    u8(SCOPES[receipt.scope]),
    Uint8Array.of(0, 0),
    accountId,
    u64(receipt.deletedMs),
    u64(receipt.noiseFromMs ?? 0),
    u64(receipt.kmsKeySinceMs),
    kmsKeyHash,
    u32(receipt.outerKeys),
    u32(receipt.sessions),
    u32(receipt.vaults),
    u64(receipt.commits),
    u64(receipt.blobs),
    u64(receipt.bytes),
    u64(receipt.issuedMs),
  )
}

/** The message whose SHA-256 is signed. */
export function receiptHashMessage(body: Bytes): Bytes {
  return hashMessage('receipt', body)
}

/**
 * Checks a receipt against the key of the server that is said to have signed it.
 *
 * @throws CryptoError `upgrade_required` for another version or suite, `malformed`, `decrypt_failed` when the signature
 *   does not hold
 */
export async function verifyReceipt(verifier: CardVerifier, bytes: Bytes, publicKey: Bytes): Promise<Receipt> {
  const receipt = parseReceipt(bytes)
  const hash = await verifier.sha256(receiptHashMessage(bytes.subarray(0, BODY_LENGTH)))
  const signature = copyOf(bytes, BODY_LENGTH)
  const holds = await verifier.ed25519Verify(publicKey, signatureMessage('receipt', hash), signature)
  if (!holds) throw new CryptoError('decrypt_failed')
  return receipt
}

function parseReceipt(bytes: Bytes): Receipt {
  if (bytes.length < 5 || !equalBytes(bytes.subarray(0, 3), MAGIC.subarray(0, 3))) throw new CryptoError('malformed')
  if (bytes[3] !== MAGIC[3] || bytes[4] !== SUITE) throw new CryptoError('upgrade_required')
  if (bytes.length !== RECEIPT_LENGTH || bytes[6] !== 0 || bytes[7] !== 0) throw new CryptoError('malformed')
  const scope = bytes[5] === SCOPES.shared ? 'shared' : bytes[5] === SCOPES['per-user'] ? 'per-user' : null
  if (scope === null) throw new CryptoError('malformed')
  const noiseFromMs = readU64(bytes, 32)
  return {
    accountId: copyOf(bytes, 8, 24),
    scope,
    deletedMs: readU64(bytes, 24),
    noiseFromMs: noiseFromMs === 0 ? null : noiseFromMs,
    kmsKeySinceMs: readU64(bytes, 40),
    kmsKeyHash: copyOf(bytes, 48, 80),
    outerKeys: readU32(bytes, 80),
    sessions: readU32(bytes, 84),
    vaults: readU32(bytes, 88),
    commits: readU64(bytes, 92),
    blobs: readU64(bytes, 100),
    bytes: readU64(bytes, 108),
    issuedMs: readU64(bytes, 116),
  }
}
