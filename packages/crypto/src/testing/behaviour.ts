import { verifyCard } from '../card.ts'
import { createContentDecryptor, createContentEncryptor, resumeContentEncryptor } from '../content/content.ts'
import type { Bytes } from '../encoding.ts'
import { concat, toHex } from '../encoding.ts'
import type { CryptoEngine } from '../engine.ts'
import { asAccountId, asBlobId, asVaultId } from '../ids.ts'
import { hpkeOpenVaultKey, hpkeSealVaultKey } from '../keys/hpke.ts'
import { createCard, generateIdentitySeeds } from '../keys/identity.ts'
import { generateDek, generateVaultKey } from '../keys/vault-keys.ts'
import { open, seal, sealContext } from '../seal.ts'
import { SecretBytes } from '../secret-bytes.ts'
import { contentLayout, partBlobRange, partPlaintextRange, SEGMENT_LENGTH, SEGMENT_PLAINTEXT } from '../sizes.ts'
import { expectBytes, expectRefusal, expectThat } from './expect.ts'
import type { SuiteCase } from './suite-case.ts'

/** Facts that need no vectors and must hold on every engine. */
export const behaviourCases: readonly SuiteCase[] = [
  { name: 'seal and open are inverse at and around chunk boundaries', run: sealRoundTrips },
  { name: 'open refuses every flipped bit of a small sealed object', run: sealBitFlips },
  { name: 'open refuses chunks that are cut, doubled or swapped', run: sealChunkTampering },
  { name: 'content round trips, empty to several segments', run: contentRoundTrips },
  { name: 'content refuses segments that are cut, swapped or from another blob', run: contentTampering },
  { name: 'no segment IV repeats when a part is encrypted again', run: freshSegmentIvs },
  { name: 'Ed25519 signs, verifies and never throws on nonsense', run: signatures },
  { name: 'HPKE opens for the recipient and place that it was sealed for only', run: hpkePlaces },
]

async function sealRoundTrips(engine: CryptoEngine): Promise<undefined> {
  const key = SecretBytes.random(engine, 32)
  const context = sealContext('body', engine.randomBytes(16), new Uint8Array(4), new Uint8Array(8))
  for (const length of [0, 1, 16_383, 16_384, 16_385, 32_768, 200_000]) {
    const plaintext = engine.randomBytes(length)
    const sealed = await seal(engine, key, context, plaintext)
    expectBytes(await open(engine, key, context, sealed), plaintext, `${length} bytes`)
  }
}

async function sealBitFlips(engine: CryptoEngine): Promise<undefined> {
  const key = SecretBytes.random(engine, 32)
  const context = sealContext('dek', engine.randomBytes(16), new Uint8Array(4), engine.randomBytes(16))
  const sealed = await seal(engine, key, context, engine.randomBytes(32))
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const changed = flip(sealed, bit)
    const codes = bit < 8 ? (['upgrade_required'] as const) : (['decrypt_failed'] as const)
    await expectRefusal(() => open(engine, key, context, changed), `bit ${bit}`, codes)
  }
  for (let length = 0; length < sealed.length; length++) {
    const cut = sealed.slice(0, length)
    await expectRefusal(() => open(engine, key, context, cut), `cut to ${length}`, ['malformed', 'decrypt_failed'])
  }
}

async function sealChunkTampering(engine: CryptoEngine): Promise<undefined> {
  const key = SecretBytes.random(engine, 32)
  const context = sealContext('body', engine.randomBytes(16), new Uint8Array(4), new Uint8Array(8))
  const sealed = await seal(engine, key, context, engine.randomBytes(40_000))
  const header = sealed.slice(0, 57)
  const [a, b, last] = [sealed.slice(57, 16_457), sealed.slice(16_457, 32_857), sealed.slice(32_857)]
  const codes = ['malformed', 'decrypt_failed'] as const
  for (const [about, parts] of Object.entries({
    'swapped chunks': [b, a, last],
    'a doubled chunk': [a, a, last],
    'no last chunk': [a, b],
    'a missing chunk': [a, last],
    'an added chunk': [a, b, b, last],
    'an added tail': [a, b, last, new Uint8Array(1)],
  })) {
    await expectRefusal(() => open(engine, key, context, concat(header, ...parts)), about, codes)
  }
}

async function contentRoundTrips(engine: CryptoEngine): Promise<undefined> {
  for (const size of [0, 1, 512, 513, SEGMENT_PLAINTEXT, SEGMENT_PLAINTEXT + 1, 9_000_000]) {
    const plaintext = engine.randomBytes(size)
    const layout = contentLayout(size)
    const content = { dek: generateDek(engine), blobId: asBlobId(engine.randomBytes(16)) }
    const encryptor = await createContentEncryptor(engine, content)
    const decryptor = await createContentDecryptor(engine, { ...content, header: encryptor.header })
    for (let index = 0; index < layout.partCount; index++) {
      const { offset, length, paddedLength } = partPlaintextRange(layout, index)
      const final = index === layout.partCount - 1
      const firstSegment = (index * layout.partSize) / SEGMENT_LENGTH
      const plain = plaintext.subarray(offset, offset + length)
      const stored = await encryptor.encryptPart({ firstSegment, plaintext: plain, paddedLength, final })
      expectThat(stored.length === partBlobRange(layout, index).length, 'part length')
      const opened = await decryptor.decryptPart({ firstSegment, ciphertext: stored, final })
      expectBytes(opened.subarray(0, length), plain, `part ${index} of ${size} bytes`)
      expectThat(opened.subarray(length).every((byte) => byte === 0) && opened.length === paddedLength, 'padding')
    }
  }
}

async function contentTampering(engine: CryptoEngine): Promise<undefined> {
  const length = 2 * SEGMENT_PLAINTEXT + 1000
  const content = { dek: generateDek(engine), blobId: asBlobId(engine.randomBytes(16)) }
  const encryptor = await createContentEncryptor(engine, content)
  const part = { firstSegment: 0, plaintext: engine.randomBytes(length), paddedLength: length, final: true }
  const stored = await encryptor.encryptPart(part)
  const other = await createContentEncryptor(engine, { ...content, blobId: asBlobId(engine.randomBytes(16)) })
  const foreign = await other.encryptPart(part)
  const decryptor = await createContentDecryptor(engine, { ...content, header: encryptor.header })
  const at = (bytes: Bytes, index: number): Bytes => bytes.slice(index * SEGMENT_LENGTH, (index + 1) * SEGMENT_LENGTH)
  const [a, b, last] = [at(stored, 0), at(stored, 1), at(stored, 2)]
  const refuse = (about: string, bytes: Bytes, firstSegment = 0, final = true): Promise<void> =>
    expectRefusal(() => decryptor.decryptPart({ firstSegment, ciphertext: bytes, final }), about, [
      'malformed',
      'decrypt_failed',
    ])
  await refuse('swapped segments', concat(b, a, last))
  await refuse('a blob cut at a segment boundary', concat(a, b))
  await refuse('a blob cut inside its last segment', stored.slice(0, -1))
  await refuse('a doubled segment', concat(a, b, b, last))
  await refuse('an added tail', concat(stored, new Uint8Array(40)))
  await refuse('a segment of another blob', concat(a, at(foreign, 1), last))
  await refuse('a part at another place', stored, 1)
  await refuse('a final part read as an earlier one', concat(a, b, last), 0, false)
  await refuse('an earlier part read as the final one', concat(a, b), 0, true)
  await expectRefusal(
    () => createContentDecryptor(engine, { ...content, header: other.header }),
    'the header of another blob',
  )
  await expectRefusal(
    () => createContentDecryptor(engine, { ...content, dek: generateDek(engine), header: encryptor.header }),
    'another key',
  )
}

async function freshSegmentIvs(engine: CryptoEngine): Promise<undefined> {
  const content = { dek: generateDek(engine), blobId: asBlobId(engine.randomBytes(16)) }
  const first = await createContentEncryptor(engine, content)
  const second = await resumeContentEncryptor(engine, { ...content, header: first.header })
  const paddedLength = 3 * SEGMENT_PLAINTEXT
  const part = { firstSegment: 0, plaintext: new Uint8Array(paddedLength), paddedLength, final: false }
  const seen = new Set<string>()
  for (const encryptor of [first, second, first]) {
    const stored = await encryptor.encryptPart(part)
    for (let i = 0; i < 3; i++) seen.add(toHex(stored.slice(i * SEGMENT_LENGTH + 4, i * SEGMENT_LENGTH + 16)))
  }
  expectThat(seen.size === 9, 'an IV came twice')
}

async function signatures(engine: CryptoEngine): Promise<undefined> {
  const seed = engine.randomBytes(32)
  const publicKey = await engine.ed25519PublicKey(seed)
  const message = engine.randomBytes(100)
  const signature = await engine.ed25519Sign(seed, message)
  expectThat(await engine.ed25519Verify(publicKey, message, signature), 'own signature')
  for (let bit = 0; bit < signature.length * 8; bit += 7) {
    expectThat(!(await engine.ed25519Verify(publicKey, message, flip(signature, bit))), `signature bit ${bit}`)
  }
  for (const length of [0, 31, 32, 33]) {
    const nonsense = new Uint8Array(length).fill(255)
    expectThat(!(await engine.ed25519Verify(nonsense, message, signature)), 'nonsense key')
    expectThat(!(await engine.ed25519Verify(publicKey, message, nonsense)), 'nonsense signature')
  }
}

async function hpkePlaces(engine: CryptoEngine): Promise<undefined> {
  const seeds = generateIdentitySeeds(engine)
  const accountId = asAccountId(engine.randomBytes(16))
  const { bytes } = await createCard(engine, seeds, { accountId, timeMs: 1 })
  const { card } = await verifyCard(engine, bytes)
  const vaultKey = generateVaultKey(engine)
  const place = { vaultId: asVaultId(engine.randomBytes(16)), epoch: 1, accountId }
  const wrapped = await hpkeSealVaultKey(card.xwingPublicKey, place, vaultKey)
  const opened = await hpkeOpenVaultKey(seeds.xwing, place, wrapped)
  expectBytes(
    opened.use((key) => key.slice()),
    vaultKey.use((key) => key.slice()),
    'vault key',
  )
  await expectRefusal(() => hpkeOpenVaultKey(seeds.xwing, { ...place, epoch: 2 }, wrapped), 'another epoch')
  await expectRefusal(() => hpkeOpenVaultKey(seeds.ed25519, place, wrapped), 'another seed')
  await expectRefusal(() => hpkeOpenVaultKey(seeds.xwing, place, flip(wrapped, 9000)), 'a flipped bit')
}

function flip(bytes: Bytes, bit: number): Bytes {
  const changed = bytes.slice()
  changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return changed
}
