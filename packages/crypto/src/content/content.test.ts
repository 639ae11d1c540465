import { describe, expect, it } from 'vitest'
import type { Bytes } from '../encoding.ts'
import { concat, equalBytes, toHex, u32, u64, utf8 } from '../encoding.ts'
import { nodeEngine } from '../engines/node.ts'
import { webCryptoEngine } from '../engines/webcrypto.ts'
import { hkdfExpand } from '../hkdf.ts'
import { asBlobId } from '../ids.ts'
import { generateDek } from '../keys/vault-keys.ts'
import { labelPrefix } from '../labels.ts'
import type { Dek } from '../secret-bytes.ts'
import { MAX_BLOB_LENGTH, SEGMENT_LENGTH, SEGMENT_PLAINTEXT } from '../sizes.ts'
import { outcome } from '../testing/expect.ts'
import { collideKeys, type GcmKey } from '../testing/gcm-collision.ts'
import { createContentDecryptor, createContentEncryptor, resumeContentEncryptor } from './content.ts'
import { partsRoot } from './parts-root.ts'

const engine = nodeEngine()
const newContent = () => ({ dek: generateDek(engine), blobId: asBlobId(engine.randomBytes(16)) })

function flip(bytes: Bytes, bit: number): Bytes {
  const changed = bytes.slice()
  changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return changed
}

describe('content', () => {
  it('refuses every flipped bit and every cut of a small blob', async () => {
    const content = newContent()
    const encryptor = await createContentEncryptor(engine, content)
    const part = { firstSegment: 0, plaintext: utf8('text'), paddedLength: 64, final: true }
    const blob = await encryptor.encryptPart(part)
    const decryptor = await createContentDecryptor(engine, { ...content, header: encryptor.header })
    const open = (ciphertext: Bytes) =>
      outcome(() => decryptor.decryptPart({ firstSegment: 0, ciphertext, final: true }))
    expect(await open(blob)).toBe('success')
    for (let bit = 0; bit < blob.length * 8; bit++) expect(await open(flip(blob, bit))).toBe('decrypt_failed')
    for (let length = 0; length < blob.length; length++) expect(await open(blob.slice(0, length))).not.toBe('success')
    expect(await open(concat(blob, new Uint8Array(1)))).toBe('decrypt_failed')
  })

  it('refuses every flipped bit of a header', async () => {
    const content = newContent()
    const { header } = await createContentEncryptor(engine, content)
    for (let bit = 0; bit < header.length * 8; bit++) {
      const code = await outcome(() => createContentDecryptor(engine, { ...content, header: flip(header, bit) }))
      expect(code).toBe(bit < 80 ? 'upgrade_required' : 'decrypt_failed')
    }
    expect(await outcome(() => createContentDecryptor(engine, { ...content, header: header.slice(1) }))).toBe(
      'malformed',
    )
  })

  it('takes a header up again only with its own key and blob id', async () => {
    const content = newContent()
    const { header } = await createContentEncryptor(engine, content)
    expect((await resumeContentEncryptor(engine, { ...content, header })).header).toEqual(header)
    for (const other of [{ dek: generateDek(engine) }, { blobId: asBlobId(engine.randomBytes(16)) }]) {
      expect(await outcome(() => resumeContentEncryptor(engine, { ...content, ...other, header }))).toBe(
        'decrypt_failed',
      )
    }
  })

  it('opens parts in any order, and no part in the place of another', async () => {
    const content = newContent()
    const encryptor = await createContentEncryptor(engine, content)
    const decryptor = await createContentDecryptor(engine, { ...content, header: encryptor.header })
    const plaintexts = [0, 1, 2].map(() => engine.randomBytes(SEGMENT_PLAINTEXT))
    const parts = await Promise.all(
      plaintexts.map((plaintext, i) =>
        encryptor.encryptPart({ firstSegment: i, plaintext, paddedLength: SEGMENT_PLAINTEXT, final: i === 2 }),
      ),
    )
    for (const place of [2, 0, 1]) {
      for (const [i, ciphertext] of parts.entries()) {
        for (const final of [true, false]) {
          const code = await outcome(() => decryptor.decryptPart({ firstSegment: place, ciphertext, final }))
          expect(code).toBe(i === place && final === (i === 2) ? 'success' : 'decrypt_failed')
        }
      }
    }
  })

  it('uses a new segment key after 2^20 segments', async () => {
    const content = newContent()
    const encryptor = await createContentEncryptor(engine, content)
    const decryptor = await createContentDecryptor(engine, { ...content, header: encryptor.header })
    const plaintext = engine.randomBytes(2 * SEGMENT_PLAINTEXT)
    const firstSegment = 2 ** 20 - 1
    const part = { firstSegment, plaintext, paddedLength: plaintext.length, final: false }
    const ciphertext = await encryptor.encryptPart(part)
    const opened = await decryptor.decryptPart({ firstSegment, ciphertext, final: false })
    expect(equalBytes(opened, plaintext)).toBe(true)
  })

  it('writes into memory that it is given, and wipes it when a part is refused', async () => {
    const content = newContent()
    const encryptor = await createContentEncryptor(engine, content)
    const decryptor = await createContentDecryptor(engine, { ...content, header: encryptor.header })
    const plaintext = engine.randomBytes(2 * SEGMENT_PLAINTEXT)
    const part = { firstSegment: 0, plaintext, paddedLength: plaintext.length, final: false }
    const memory = new Uint8Array(3 * SEGMENT_LENGTH)
    const ciphertext = await encryptor.encryptPart(part, memory)
    expect([ciphertext.buffer === memory.buffer, ciphertext.length]).toEqual([true, 2 * SEGMENT_LENGTH])
    const broken = flip(ciphertext, ciphertext.length * 8 - 1)
    const output = new Uint8Array(plaintext.length).fill(7)
    const refused = { firstSegment: 0, ciphertext: broken, final: false }
    expect(await outcome(() => decryptor.decryptPart(refused, output))).toBe('decrypt_failed')
    expect(output.every((byte) => byte === 0)).toBe(true)
    expect(await outcome(() => encryptor.encryptPart(part, new Uint8Array(5)))).toBe('size_out_of_range')
  })

  it.each([nodeEngine(), webCryptoEngine()])('decrypts a part into the memory that it came in: $name', async (each) => {
    const content = newContent()
    const encryptor = await createContentEncryptor(each, content)
    const paddedLength = 6 * SEGMENT_PLAINTEXT + 1000
    const plaintext = new Uint8Array(paddedLength).map((_, index) => (index * 7919) >> 8)
    const blob = await encryptor.encryptPart({ firstSegment: 0, plaintext, paddedLength, final: true })
    const decryptor = await createContentDecryptor(each, { ...content, header: encryptor.header })
    const memory = blob.slice()
    const opened = await decryptor.decryptPart({ firstSegment: 0, ciphertext: memory, final: true }, memory)
    expect(opened.buffer).toBe(memory.buffer)
    expect(equalBytes(opened, plaintext)).toBe(true)
    const bad = flip(blob, 8 * (3 * SEGMENT_LENGTH + 500))
    expect(await outcome(() => decryptor.decryptPart({ firstSegment: 0, ciphertext: bad, final: true }, bad))).toBe(
      'decrypt_failed',
    )
    expect(bad.subarray(0, paddedLength).every((byte) => byte === 0)).toBe(true)
  })

  it('refuses parts of impossible shape', async () => {
    const content = newContent()
    const encryptor = await createContentEncryptor(engine, content)
    const decryptor = await createContentDecryptor(engine, { ...content, header: encryptor.header })
    const none = new Uint8Array(0)
    const last = MAX_BLOB_LENGTH / SEGMENT_LENGTH
    for (const part of [
      { firstSegment: 0, plaintext: none, paddedLength: 0, final: false },
      { firstSegment: 1, plaintext: none, paddedLength: 0, final: true },
      { firstSegment: 0, plaintext: none, paddedLength: 100, final: false },
      { firstSegment: 0, plaintext: new Uint8Array(9), paddedLength: 8, final: true },
      { firstSegment: -1, plaintext: none, paddedLength: 8, final: true },
      { firstSegment: 0.5, plaintext: none, paddedLength: 8, final: true },
      { firstSegment: last, plaintext: none, paddedLength: 8, final: true },
    ]) {
      expect(await outcome(() => encryptor.encryptPart(part))).toBe('size_out_of_range')
    }
    for (const length of [0, 31, SEGMENT_LENGTH + 1, SEGMENT_LENGTH + 32]) {
      const part = { firstSegment: 0, ciphertext: new Uint8Array(length), final: true }
      expect(await outcome(() => decryptor.decryptPart(part))).toBe('malformed')
    }
  })

  it('does nothing after disposal', async () => {
    const content = newContent()
    const encryptor = await createContentEncryptor(engine, content)
    encryptor.dispose()
    encryptor.dispose()
    const part = { firstSegment: 0, plaintext: utf8('a'), paddedLength: 512, final: true }
    expect(await outcome(() => encryptor.encryptPart(part))).toBe('invalid_key')
  })

  it('refuses a segment made to open under two keys, by the header tag alone', async () => {
    const blobId = asBlobId(engine.randomBytes(16))
    const [a, b] = [generateDek(engine), generateDek(engine)]
    const { header } = await createContentEncryptor(engine, { dek: a, blobId })
    const nonce = engine.randomBytes(12)
    const keys = [await firstSegmentKey(a, header, blobId), await firstSegmentKey(b, header, blobId)]
    const [first, second] = keys.map((key): GcmKey => ({ key, nonce }))
    if (first === undefined || second === undefined) throw new Error('two keys')
    const both = collideKeys(first, second)
    for (const { key } of [first, second]) {
      const cipher = await engine.importAesGcm(key)
      expect(await outcome(() => cipher.decrypt(nonce, new Uint8Array(0), both))).toBe('success')
    }
    expect(await outcome(() => createContentDecryptor(engine, { dek: a, blobId, header }))).toBe('success')
    expect(await outcome(() => createContentDecryptor(engine, { dek: b, blobId, header }))).toBe('decrypt_failed')
  })
})

async function firstSegmentKey(dek: Dek, header: Bytes, blobId: Bytes): Promise<Bytes> {
  const prefix = header.slice(0, 42)
  const aad = concat(labelPrefix('content'), blobId)
  const key = dek.use((bytes) => bytes.slice())
  const messageKey = await hkdfExpand(engine, 'SHA-384', key, concat(prefix, utf8('MESSAGE_KEY:'), aad), 48)
  return hkdfExpand(engine, 'SHA-384', messageKey, concat(prefix, utf8('DEK:'), u64(0), aad), 32)
}

describe('partsRoot', () => {
  const blob = {
    blobId: asBlobId(new Uint8Array(16)),
    blobLength: 2 ** 24,
    partSize: 2 ** 23,
    digests: new Uint8Array(64),
  }

  it('is SHA-256 over label, blob, lengths, count and digests', async () => {
    const message = concat(labelPrefix('parts'), blob.blobId, u64(2 ** 24), u32(2 ** 23), u32(2), blob.digests)
    expect(toHex(await partsRoot(engine, blob))).toBe(toHex(await engine.sha256(message)))
  })

  it('differs for digests in another order and needs one for each part', async () => {
    const digests = engine.randomBytes(64)
    const swapped = concat(digests.slice(32), digests.slice(0, 32))
    expect(await partsRoot(engine, { ...blob, digests })).not.toEqual(
      await partsRoot(engine, { ...blob, digests: swapped }),
    )
    expect(await outcome(() => partsRoot(engine, { ...blob, digests: digests.slice(1) }))).toBe('malformed')
  })
})
