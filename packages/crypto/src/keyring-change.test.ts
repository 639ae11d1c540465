import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from './encoding.ts'
import { webCryptoEngine } from './engines/webcrypto.ts'
import { keyringChangeMessage } from './keyring-change.ts'
import { signatureMessage } from './messages.ts'

interface Vectors {
  publicKey: string
  scenarios: {
    name: string
    accountId: string
    version: number
    sha256: string
    message: string
    signature: string
  }[]
}

const vectors: Vectors = JSON.parse(
  readFileSync(new URL('../../../spec/vectors/keyring-change.json', import.meta.url), 'utf8'),
)
const engine = webCryptoEngine()
const some = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const change = fc.record({ accountId: some(16), version: fc.integer({ min: 1 }), sha256: some(32) })

describe('signed changes of a keyring', () => {
  it.each(vectors.scenarios)('have the message and signature of the vector: $name', async (vector) => {
    const { accountId, version, sha256, message, signature } = vector
    const made = keyringChangeMessage({ accountId: fromHex(accountId), version, sha256: fromHex(sha256) })
    expect(toHex(made)).toBe(message)
    const signed = signatureMessage('keyring-change', await engine.sha256(made))
    expect(await engine.ed25519Verify(fromHex(vectors.publicKey), signed, fromHex(signature))).toBe(true)
  })

  it('of another length are refused', () => {
    for (const [id, hash] of [
      [15, 32],
      [16, 31],
    ] as const) {
      const input = { accountId: new Uint8Array(id), version: 1, sha256: new Uint8Array(hash) }
      expect(() => keyringChangeMessage(input)).toThrow(expect.objectContaining({ code: 'malformed' }))
    }
  })

  it('of different things have different messages', () => {
    fc.assert(
      fc.property(change, change, (one, other) => {
        const [left, right] = [one, other].map(({ accountId, version, sha256 }) =>
          [toHex(accountId), version, toHex(sha256)].join(),
        )
        expect(toHex(keyringChangeMessage(one)) === toHex(keyringChangeMessage(other))).toBe(left === right)
      }),
      { seed: 12, numRuns: 200 },
    )
  })
})
