import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from './encoding.ts'
import { webCryptoEngine } from './engines/webcrypto.ts'
import { encodeReceipt, type Receipt, verifyReceipt } from './receipt.ts'

type Fields = Omit<Receipt, 'accountId' | 'kmsKeyHash'> & { accountId: string; kmsKeyHash: string; receipt: string }
interface Vectors {
  publicKey: string
  receipts: Fields[]
  refused: { why: string; receipt: string; code: string }[]
}

const vectors: Vectors = JSON.parse(
  readFileSync(new URL('../../../spec/vectors/receipts.json', import.meta.url), 'utf8'),
)
const engine = webCryptoEngine()
const publicKey = fromHex(vectors.publicKey)

describe('receipts', () => {
  it('are read, and their bodies made, as the vectors say', async () => {
    for (const { receipt: hex, accountId, kmsKeyHash, ...fields } of vectors.receipts) {
      const expected = { ...fields, accountId: fromHex(accountId), kmsKeyHash: fromHex(kmsKeyHash) }
      expect(await verifyReceipt(engine, fromHex(hex), publicKey)).toEqual(expected)
      expect(hex.startsWith(toHex(encodeReceipt(expected)))).toBe(true)
    }
  })

  it.each(vectors.refused)('with $why are refused', async ({ receipt, code }) => {
    await expect(verifyReceipt(engine, fromHex(receipt), publicKey)).rejects.toMatchObject({ code })
  })

  it('hold under no other key, and with no bit changed', async () => {
    const valid = fromHex(vectors.receipts[1]?.receipt ?? '')
    const other = Uint8Array.from(publicKey)
    other[0] = (other[0] ?? 0) ^ 1
    await expect(verifyReceipt(engine, valid, other)).rejects.toThrow()
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: valid.length - 1 }), fc.nat({ max: 7 }), async (at, bit) => {
        const changed = Uint8Array.from(valid)
        changed[at] = (changed[at] ?? 0) ^ (1 << bit)
        await expect(verifyReceipt(engine, changed, publicKey)).rejects.toThrow()
      }),
      { seed: 3, numRuns: 100 },
    )
  })
})
