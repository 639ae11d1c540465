import type { Bytes } from '../encoding.ts'
import { concat, copyOf, equalBytes, u32, u64, utf8 } from '../encoding.ts'
import type { AesGcmKey, CryptoEngine } from '../engine.ts'
import { CryptoError } from '../errors.ts'
import { hkdfExpand } from '../hkdf.ts'
import { TAG_LENGTH } from '../sealed-layout.ts'
import type { SecretBytes } from '../secret-bytes.ts'
import { KEY_LENGTH, SEGMENT_LENGTH } from '../sizes.ts'

/*
 * C2SP FLOE (ePrint 2025/2275) with AES-256-GCM and HKDF-Expand-SHA384:
 *   P          = 00 00 ‖ u32 segment length ‖ u32 IV length
 *   header     = P ‖ iv ‖ header tag(32)
 *   segment i  = u32(FFFFFFFF, or the total length if final) ‖ iv(12) ‖ AES-256-GCM(aad = u64(i) ‖ final(1)) ‖ tag(16)
 */
const IV_LENGTH = 32
const HEADER_TAG_LENGTH = 32
const MESSAGE_KEY_LENGTH = 48
const PARAMETERS_LENGTH = 10
/** Bytes of a segment's random IV. */
export const SEGMENT_IV_LENGTH = 12
const SEGMENT_PREFIX = 4 + SEGMENT_IV_LENGTH
const NOT_FINAL = 0xffffffff

/** The two numbers in which the official known answers differ from this format. */
export interface FloeParameters {
  /** Stored bytes of a full segment. */
  readonly segmentLength: number
  /** A new segment key every 2^rotation segments. */
  readonly rotation: number
}

/** The parameters of Strongroom's content. */
export const CONTENT_PARAMETERS: FloeParameters = { segmentLength: SEGMENT_LENGTH, rotation: 20 }

/** The schedule of one content: gives segment keys for as long as it is not disposed of. */
export interface FloeKeys {
  readonly header: Bytes
  readonly parameters: FloeParameters
  segmentKey(index: number): Promise<AesGcmKey>
  dispose(): void
}

/** Starts a new content under a fresh random IV. */
export function startFloe(
  engine: CryptoEngine,
  dek: SecretBytes,
  aad: Bytes,
  parameters: FloeParameters = CONTENT_PARAMETERS,
): Promise<FloeKeys> {
  return scheduleFor(engine, { dek, aad, parameters, iv: engine.randomBytes(IV_LENGTH) })
}

/**
 * Takes up a content whose header exists.
 *
 * @throws CryptoError `malformed` for a header of another length, `upgrade_required` for other parameters,
 *   `decrypt_failed` when the header tag is not this key's
 */
export async function resumeFloe(
  engine: CryptoEngine,
  content: { dek: SecretBytes; aad: Bytes; header: Bytes },
  parameters: FloeParameters = CONTENT_PARAMETERS,
): Promise<FloeKeys> {
  const { dek, aad, header } = content
  if (header.length !== PARAMETERS_LENGTH + IV_LENGTH + HEADER_TAG_LENGTH) throw new CryptoError('malformed')
  if (!equalBytes(header.subarray(0, PARAMETERS_LENGTH), encodeParameters(parameters))) {
    throw new CryptoError('upgrade_required')
  }
  const iv = copyOf(header, PARAMETERS_LENGTH, PARAMETERS_LENGTH + IV_LENGTH)
  const keys = await scheduleFor(engine, { dek, aad, parameters, iv })
  // Invariant (file-format §3): the header tag commits to the key; no segment is opened before it was compared.
  if (!equalBytes(keys.header, header)) {
    keys.dispose()
    throw new CryptoError('decrypt_failed')
  }
  return keys
}

/** Encrypts one segment into `output`, which has exactly its stored length. */
export async function encryptSegment(
  keys: FloeKeys,
  segment: { index: number; final: boolean; iv: Bytes; plaintext: Bytes },
  output: Bytes,
): Promise<void> {
  const key = await keys.segmentKey(segment.index)
  output.set(u32(segment.final ? output.length : NOT_FINAL))
  output.set(segment.iv, 4)
  const aad = segmentAad(segment.index, segment.final)
  await key.encryptInto(segment.iv, aad, segment.plaintext, output.subarray(SEGMENT_PREFIX))
}

/**
 * Decrypts one segment into `output`, which has exactly its plaintext's length.
 *
 * @throws CryptoError `decrypt_failed` for anything but this segment at this index with this finality; `output` may
 *   then hold unverified bytes
 */
export async function decryptSegment(
  keys: FloeKeys,
  segment: { index: number; final: boolean; stored: Bytes },
  output: Bytes,
): Promise<void> {
  const { index, final, stored } = segment
  if (!equalBytes(stored.subarray(0, 4), u32(final ? stored.length : NOT_FINAL))) {
    throw new CryptoError('decrypt_failed')
  }
  const key = await keys.segmentKey(index)
  const iv = stored.subarray(4, SEGMENT_PREFIX)
  await key.decryptInto(iv, segmentAad(index, final), stored.subarray(SEGMENT_PREFIX), output)
}

function segmentAad(index: number, final: boolean): Bytes {
  return concat(u64(index), Uint8Array.of(final ? 1 : 0))
}

function encodeParameters(parameters: FloeParameters): Bytes {
  return concat(Uint8Array.of(0, 0), u32(parameters.segmentLength), u32(IV_LENGTH))
}

async function scheduleFor(
  engine: CryptoEngine,
  content: { dek: SecretBytes; aad: Bytes; parameters: FloeParameters; iv: Bytes },
): Promise<FloeKeys> {
  const { dek, aad, parameters, iv } = content
  if (dek.length !== KEY_LENGTH) throw new CryptoError('invalid_key')
  const prefix = concat(encodeParameters(parameters), iv)
  const expand = (key: Bytes, purpose: Bytes, length: number): Promise<Bytes> =>
    hkdfExpand(engine, 'SHA-384', key, concat(prefix, purpose, aad), length)
  const tag = await dek.use((key) => expand(key, utf8('HEADER_TAG:'), HEADER_TAG_LENGTH))
  const messageKey = await dek.use((key) => expand(key, utf8('MESSAGE_KEY:'), MESSAGE_KEY_LENGTH))

  // Segments come nearly in order, so the newest key is the one that is asked for.
  let cached: { first: number; key: Promise<AesGcmKey> } | null = null
  let disposed = false
  const deriveSegmentKey = async (first: number): Promise<AesGcmKey> => {
    const raw = await expand(messageKey, concat(utf8('DEK:'), u64(first)), KEY_LENGTH)
    try {
      return await engine.importAesGcm(raw)
    } finally {
      raw.fill(0)
    }
  }
  return {
    header: concat(prefix, tag),
    parameters,
    segmentKey: (index) => {
      if (disposed) throw new CryptoError('invalid_key')
      const first = index - (index % 2 ** parameters.rotation)
      if (cached?.first !== first) cached = { first, key: deriveSegmentKey(first) }
      return cached.key
    },
    dispose: () => {
      disposed = true
      messageKey.fill(0)
      cached?.key.then(
        (key) => key.destroy(),
        () => undefined,
      )
      cached = null
    },
  }
}

/** Bytes that a segment adds to its plaintext. */
export const FLOE_SEGMENT_OVERHEAD = SEGMENT_PREFIX + TAG_LENGTH
