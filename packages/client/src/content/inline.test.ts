import {
  asBlobId,
  contentLayout,
  generateDek,
  partBlobRange,
  partPlaintextRange,
  webCryptoEngine,
} from '@strongroom/crypto'
import { nodeEngine } from '@strongroom/crypto/node'
import { describe, expect, it } from 'vitest'
import type { SeekableSource } from '../ports.ts'
import { inlineCipher, PLAINTEXT_MAC_LENGTH, plaintextMac } from './inline.ts'

const engine = nodeEngine()
const MIB = 1024 * 1024

function source(bytes: Uint8Array, size = bytes.length): SeekableSource {
  return {
    kind: 'seekable',
    size,
    mtimeMs: 0,
    open: async () => ({
      async read(offset, target) {
        const part = bytes.subarray(offset, offset + target.length)
        target.set(part)
        return part.length
      },
      isUnchanged: async () => true,
      close: async () => {},
    }),
  }
}

async function encrypted(size: number) {
  const cipher = inlineCipher(engine)
  const plaintext = engine.randomBytes(size)
  const layout = contentLayout(size)
  const content = { dek: generateDek(engine), blobId: asBlobId(engine.randomBytes(16)), layout }
  const encryptor = await cipher.encryptor({ ...content, source: source(plaintext) })
  const parts: { bytes: Uint8Array<ArrayBuffer>; sha256: Uint8Array }[] = []
  for (let index = 0; index < layout.partCount; index += 1) {
    const part = await encryptor.encryptPart(index)
    parts.push({ bytes: part.bytes.slice(), sha256: part.sha256 })
    part.release()
  }
  await encryptor.close()
  const decryptor = await cipher.decryptor({ ...content, header: encryptor.header })
  return { plaintext, layout, parts, decryptor, content, header: encryptor.header, cipher }
}

describe('inlineCipher', () => {
  it.each([0, 1, 600, 262_113, 8_387_584, 8_387_585, 18_000_000])(
    'brings %d bytes round, part by part',
    async (size) => {
      const { plaintext, layout, parts, decryptor } = await encrypted(size)
      for (const [index, part] of parts.entries()) {
        expect(part.bytes.length).toBe(partBlobRange(layout, index).length)
        const { offset, length } = partPlaintextRange(layout, index)
        const opened = await decryptor.decryptPart(index, part.bytes.slice(), part.sha256)
        expect(Buffer.compare(opened.bytes, plaintext.subarray(offset, offset + length))).toBe(0)
        opened.release()
      }
    },
  )

  it('releases nothing of a part whose digest differs', async () => {
    const { parts, decryptor } = await encrypted(1000)
    const [part] = parts
    if (part === undefined) throw new Error('no part')
    await expect(decryptor.decryptPart(0, part.bytes, new Uint8Array(32))).rejects.toMatchObject({ code: 'integrity' })
  })

  it('releases nothing of a part that someone with a matching digest forged', async () => {
    const { parts, decryptor } = await encrypted(1000)
    const bytes = parts[0]?.bytes ?? new Uint8Array(0)
    bytes[100] = (bytes[100] ?? 0) ^ 1
    await expect(decryptor.decryptPart(0, bytes, await engine.sha256(bytes))).rejects.toMatchObject({
      code: 'integrity',
    })
  })

  it('refuses a header that is not of this key', async () => {
    const { cipher, content, header } = await encrypted(10)
    const dek = generateDek(engine)
    await expect(cipher.decryptor({ ...content, dek, header })).rejects.toMatchObject({ code: 'integrity' })
  })

  it('notices a source that became shorter', async () => {
    const layout = contentLayout(100)
    const content = { dek: generateDek(engine), blobId: asBlobId(engine.randomBytes(16)), layout }
    const encryptor = await inlineCipher(engine).encryptor({ ...content, source: source(new Uint8Array(50), 100) })
    await expect(encryptor.encryptPart(0)).rejects.toMatchObject({ code: 'source_changed' })
    await encryptor.close()
  })
})

describe('the mac of a plaintext', () => {
  const [key, plaintext] = [engine.randomBytes(32), engine.randomBytes(3 * MIB + 70_000)]
  const hex = async (...input: [Uint8Array, number, Uint8Array]) =>
    Buffer.from(await plaintextMac(engine, ...input)).toString('hex')

  it('is the same on every engine', async () => {
    const mac = await plaintextMac(engine, key, 7, plaintext)
    expect(mac).toHaveLength(PLAINTEXT_MAC_LENGTH)
    expect(await plaintextMac(webCryptoEngine(), key, 7, plaintext)).toEqual(mac)
  })

  it('differs with any bit, length, order, part and key', async () => {
    const changed = plaintext.slice()
    changed[plaintext.length - 1] = (plaintext.at(-1) ?? 0) ^ 1
    const swapped = Buffer.concat([
      plaintext.subarray(MIB, 2 * MIB),
      plaintext.subarray(0, MIB),
      plaintext.subarray(2 * MIB),
    ])
    const macs = await Promise.all([
      hex(key, 7, plaintext),
      hex(key, 7, changed),
      hex(key, 7, swapped),
      hex(key, 7, plaintext.subarray(0, 2 * MIB)),
      hex(key, 7, plaintext.subarray(0, MIB)),
      hex(key, 7, plaintext.subarray(1)),
      hex(key, 7, new Uint8Array(0)),
      hex(key, 8, plaintext),
      hex(engine.randomBytes(32), 7, plaintext),
    ])
    expect(new Set(macs).size).toBe(macs.length)
  })
})
