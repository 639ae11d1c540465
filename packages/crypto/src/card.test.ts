import { describe, expect, it } from 'vitest'
import { CARD_LENGTH, parseCard, verifyCard } from './card.ts'
import { isSmallOrder, isStrictEd25519 } from './ed25519-encoding.ts'
import { fromHex, toHex } from './encoding.ts'
import { nodeEngine } from './engines/node.ts'
import { asAccountId } from './ids.ts'
import { createCard, generateIdentitySeeds } from './keys/identity.ts'
import { outcome } from './testing/expect.ts'

const engine = nodeEngine()
const accountId = asAccountId(engine.randomBytes(16))
const about = { accountId, timeMs: -5 }

describe('identity cards', () => {
  it('say what they were made of', async () => {
    const { bytes, hash } = await createCard(engine, generateIdentitySeeds(engine), about)
    const verified = await verifyCard(engine, bytes)
    expect(bytes.length).toBe(CARD_LENGTH)
    expect(verified.card).toMatchObject({ accountId, timeMs: -5, previousCardHash: null })
    expect(verified.hash).toEqual(hash)
  })

  it('are read from a Buffer into parts of their own', async () => {
    const { bytes, hash } = await createCard(engine, generateIdentitySeeds(engine), about)
    const buffer = Buffer.from(bytes)
    const parsed = parseCard(buffer)
    const verified = await verifyCard(engine, buffer)
    buffer.fill(0)
    expect(verified.hash).toEqual(hash)
    expect(parsed.body).toEqual(bytes.slice(0, 1306))
    expect(parsed.card).toEqual(verified.card)
  })

  it('are refused with any changed byte', async () => {
    const { bytes } = await createCard(engine, generateIdentitySeeds(engine), about)
    for (let offset = 0; offset < bytes.length; offset++) {
      const changed = bytes.slice()
      changed[offset] = (changed[offset] ?? 0) ^ 0x40
      expect(await outcome(() => verifyCard(engine, changed)), `offset ${offset}`).not.toBe('success')
    }
    for (const length of [0, 1, 2, CARD_LENGTH - 1, CARD_LENGTH + 1]) {
      const resized = new Uint8Array(length)
      resized.set(bytes.subarray(0, length))
      expect(await outcome(() => parseCard(resized))).toBe('malformed')
    }
  })

  it('follow the card before them, signed by its key', async () => {
    const [one, two, three] = [0, 1, 2].map(() => generateIdentitySeeds(engine))
    if (one === undefined || two === undefined || three === undefined) throw new Error('three identities')
    const first = await createCard(engine, one, about)
    const second = await createCard(engine, two, about, { hash: first.hash, seed: one.ed25519 })
    const stolen = await createCard(engine, two, about, { hash: first.hash, seed: three.ed25519 })
    const previous = await verifyCard(engine, first.bytes)
    expect(await outcome(() => verifyCard(engine, second.bytes, previous))).toBe('success')
    expect(await outcome(() => verifyCard(engine, stolen.bytes, previous))).toBe('decrypt_failed')
    expect(await outcome(() => verifyCard(engine, first.bytes, previous))).toBe('decrypt_failed')
    const elsewhere = { ...about, accountId: asAccountId(engine.randomBytes(16)) }
    const moved = await createCard(engine, two, elsewhere, { hash: first.hash, seed: one.ed25519 })
    expect(await outcome(() => verifyCard(engine, moved.bytes, previous))).toBe('decrypt_failed')
    const other = await verifyCard(engine, (await createCard(engine, three, about)).bytes)
    expect(await outcome(() => verifyCard(engine, second.bytes, other))).toBe('decrypt_failed')
  })
})

describe('Ed25519 encodings', () => {
  const smallOrder = [
    '0100000000000000000000000000000000000000000000000000000000000000',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0000000000000000000000000000000000000000000000000000000000000080',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  ]

  it.each(smallOrder)('refuses %s, whose order is small', (text) => {
    expect(isSmallOrder(fromHex(text))).toBe(true)
    expect(isStrictEd25519(fromHex(text), new Uint8Array(64).fill(9))).toBe(false)
  })

  it('refuses points that are not canonical, and R of small order', async () => {
    const seed = engine.randomBytes(32)
    const publicKey = await engine.ed25519PublicKey(seed)
    const signature = await engine.ed25519Sign(seed, seed)
    const withR = (r: Uint8Array) => Uint8Array.from([...r, ...signature.slice(32)])
    for (const text of smallOrder) expect(isStrictEd25519(publicKey, withR(fromHex(text)))).toBe(false)
    for (let y = 0xf0; y <= 0xff; y++) {
      const point = new Uint8Array(32).fill(0xff)
      point.set([y])
      point.set([0x7f], 31)
      expect(isSmallOrder(point)).toBe(false)
      expect(isStrictEd25519(point, signature)).toBe(false)
      expect(isStrictEd25519(publicKey, withR(point))).toBe(false)
    }
  })

  it('accepts honest keys and refuses S at or above the group order', async () => {
    const seed = engine.randomBytes(32)
    const publicKey = await engine.ed25519PublicKey(seed)
    const signature = await engine.ed25519Sign(seed, seed)
    expect([isSmallOrder(publicKey), isStrictEd25519(publicKey, signature)]).toEqual([false, true])
    const order = 2n ** 252n + 27742317777372353535851937790883648493n
    const s = BigInt(`0x${toHex(signature.slice(32).reverse())}`)
    const raised = signature.slice()
    raised.set(fromHex((s + order).toString(16).padStart(64, '0')).reverse(), 32)
    expect(isStrictEd25519(publicKey, raised)).toBe(false)
    expect(await engine.ed25519Verify(publicKey, seed, raised)).toBe(false)
  })
})
