import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareBytes, fromHex, toHex } from './encoding.ts'
import { webCryptoEngine } from './engines/webcrypto.ts'
import { signatureMessage } from './messages.ts'
import { type WrapsConfirmation, wrapsConfirmationMessage } from './wraps-confirmation.ts'

interface Wraps {
  wraps: { blobId: string; sha256: string }[]
}
interface Vectors {
  publicKey: string
  scenarios: (Wraps & { name: string; vaultId: string; epoch: number; message: string; signature: string })[]
  refused: (Wraps & { why: string })[]
}

const vectors: Vectors = JSON.parse(
  readFileSync(new URL('../../../spec/vectors/wraps-confirmation.json', import.meta.url), 'utf8'),
)
const engine = webCryptoEngine()
const bytesOf = ({ wraps }: Wraps) =>
  wraps.map((wrap) => ({ blobId: fromHex(wrap.blobId), sha256: fromHex(wrap.sha256) }))

const some = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const confirmation: fc.Arbitrary<WrapsConfirmation> = fc.record({
  vaultId: some(16),
  epoch: fc.integer({ min: 1, max: 0xffffffff }),
  wraps: fc
    .uniqueArray(fc.record({ blobId: some(16), sha256: some(32) }), { selector: ({ blobId }) => toHex(blobId) })
    .map((wraps) => wraps.sort((left, right) => compareBytes(left.blobId, right.blobId))),
})

describe('confirmations of wraps', () => {
  it.each(vectors.scenarios)('have the message and signature of the vector: $name', async (vector) => {
    const { vaultId, epoch, message, signature } = vector
    const made = wrapsConfirmationMessage({ vaultId: fromHex(vaultId), epoch, wraps: bytesOf(vector) })
    expect(toHex(made)).toBe(message)
    const signed = signatureMessage('wraps', await engine.sha256(made))
    expect(await engine.ed25519Verify(fromHex(vectors.publicKey), signed, fromHex(signature))).toBe(true)
  })

  it.each(vectors.refused)('with $why are refused', (vector) => {
    const input = { vaultId: new Uint8Array(16), epoch: 1, wraps: bytesOf(vector) }
    expect(() => wrapsConfirmationMessage(input)).toThrow(expect.objectContaining({ code: 'malformed' }))
  })

  it('of different things have different messages', () => {
    fc.assert(
      fc.property(confirmation, confirmation, (one, other) => {
        const same = toHex(wrapsConfirmationMessage(one)) === toHex(wrapsConfirmationMessage(other))
        const [left, right] = [one, other].map(({ vaultId, epoch, wraps }) =>
          JSON.stringify([toHex(vaultId), epoch, wraps.map((wrap) => [toHex(wrap.blobId), toHex(wrap.sha256)])]),
        )
        expect(same).toBe(left === right)
      }),
      { seed: 11, numRuns: 200 },
    )
  })
})
