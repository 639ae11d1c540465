import type { FloeParameters } from '../content/floe.ts'
import { decryptSegment, encryptSegment, FLOE_SEGMENT_OVERHEAD, resumeFloe, startFloe } from '../content/floe.ts'
import type { Bytes } from '../encoding.ts'
import { concat, fromHex, readU32, utf8 } from '../encoding.ts'
import type { CryptoEngine } from '../engine.ts'
import { SecretBytes } from '../secret-bytes.ts'
import { expectBytes, expectRefusal } from './expect.ts'
import type { SuiteCase } from './suite-case.ts'

/** Official known answers: names, and a rotation of 2 bits where the name says so. */
const NAMES = ['cpp', 'go', 'java', 'pub_java', 'rust'].flatMap((author) =>
  ['GCM256_IV256_4K', 'GCM256_IV256_64', 'rotation'].map((variant) => `${author}_${variant}`),
)
const ALL_NAMES = [...NAMES, 'java_lastSegAligned', 'java_lastSegEmpty']
const HEADER_LENGTH = 74
const HEADER_IV = 10

/** FLOE's published known answers, decrypted, and encrypted again to the same bytes. */
export const floeCases: readonly SuiteCase[] = ALL_NAMES.map((name) => ({
  name: `FLOE known answer ${name} decrypts, encrypts to the same bytes and refuses a cut`,
  run: async (engine, load) => {
    const ciphertext = await load('official', `floe-kats/${name}_ct.txt`)
    const plaintext = await load('official', `floe-kats/${name}_pt.txt`)
    if (ciphertext === null || plaintext === null) return 'skipped'
    await checkKnownAnswer(engine, fromHex(ciphertext.trim()), fromHex(plaintext.trim()), name.endsWith('rotation'))
    return undefined
  },
}))

async function checkKnownAnswer(engine: CryptoEngine, stored: Bytes, expected: Bytes, rotates: boolean): Promise<void> {
  const dek = SecretBytes.take(new Uint8Array(32))
  const aad = utf8('This is AAD')
  const parameters: FloeParameters = { segmentLength: readU32(stored, 2), rotation: rotates ? 2 : 20 }
  const header = stored.slice(0, HEADER_LENGTH)
  const segments = split(stored.subarray(HEADER_LENGTH), parameters.segmentLength)

  const keys = await resumeFloe(engine, { dek, aad, header }, parameters)
  const plaintexts: Bytes[] = []
  for (const [index, segment] of segments.entries()) {
    const output = new Uint8Array(segment.length - FLOE_SEGMENT_OVERHEAD)
    await decryptSegment(keys, { index, final: index === segments.length - 1, stored: segment }, output)
    plaintexts.push(output)
  }
  expectBytes(concat(...plaintexts), expected, 'plaintext')

  const fixed = { ...engine, randomBytes: () => header.slice(HEADER_IV, HEADER_IV + 32) }
  const again = await startFloe(fixed, dek, aad, parameters)
  expectBytes(again.header, header, 'header')
  for (const [index, segment] of segments.entries()) {
    const output = new Uint8Array(segment.length)
    const final = index === segments.length - 1
    const plain = plaintexts[index] ?? new Uint8Array(0)
    await encryptSegment(again, { index, final, iv: segment.slice(4, 16), plaintext: plain }, output)
    expectBytes(output, segment, `segment ${index}`)
  }

  const first = segments[0] ?? new Uint8Array(0)
  const scratch = new Uint8Array(first.length - FLOE_SEGMENT_OVERHEAD)
  const flipped = segments.length > 1
  await expectRefusal(
    () => decryptSegment(keys, { index: 0, final: flipped, stored: first }, scratch),
    'a segment with the other finality',
  )
  await expectRefusal(
    () => decryptSegment(keys, { index: 1, final: !flipped, stored: first }, scratch),
    'a segment at another index',
  )
}

function split(bytes: Bytes, length: number): Bytes[] {
  return Array.from({ length: Math.ceil(bytes.length / length) }, (_, i) => bytes.slice(i * length, (i + 1) * length))
}
