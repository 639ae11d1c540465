import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toHex } from '../encoding.ts'
import { nodeEngine } from '../engines/node.ts'
import { RecoveryKeyError } from '../errors.ts'
import type { RecoveryKey } from '../secret-bytes.ts'
import { asRecoveryKey, SecretBytes } from '../secret-bytes.ts'
import { formatRecoveryKey, generateRecoveryKey, parseRecoveryKey } from './recovery-key.ts'

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const run = { seed: 11, numRuns: 200 }
const keys = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => asRecoveryKey(SecretBytes.copyOf(bytes)))

function groupsOf(text: string): readonly number[] | 'accepted' {
  try {
    parseRecoveryKey(text)
    return 'accepted'
  } catch (error) {
    if (error instanceof RecoveryKeyError) return error.suspectGroups
    throw error
  }
}

function replaceSymbol(text: string, position: number, by: number): string {
  const at = position + Math.floor(position / 4)
  const symbol = ALPHABET.charAt((ALPHABET.indexOf(text.charAt(at)) + by) % 32)
  return text.slice(0, at) + symbol + text.slice(at + 1)
}

describe('recovery keys', () => {
  it('are shown as eight groups of four and read back', () => {
    fc.assert(
      fc.property(keys, (key: RecoveryKey) => {
        const text = formatRecoveryKey(key)
        expect(text).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){7}[0-9A-HJKMNP-TV-Z]{4}$/)
        expect(parseRecoveryKey(text).use(toHex)).toBe(key.use(toHex))
      }),
      run,
    )
  })

  it('are read as people type them', () => {
    const key = asRecoveryKey(SecretBytes.copyOf(new Uint8Array(16)))
    const text = formatRecoveryKey(key)
    const zeros = text.replaceAll('0', 'o').replaceAll('1', 'l')
    for (const typed of [zeros, text.toLowerCase(), ` ${text.replaceAll('-', '  ')}\n`, text.replaceAll('-', '–')]) {
      expect(parseRecoveryKey(typed).use(toHex)).toBe('00'.repeat(16))
    }
  })

  it('locate every single wrong symbol', () => {
    const text = formatRecoveryKey(generateRecoveryKey(nodeEngine()))
    for (let position = 0; position < 32; position++) {
      for (let by = 1; by < 32; by++) {
        expect(groupsOf(replaceSymbol(text, position, by))).toEqual([Math.floor(position / 4) + 1])
      }
    }
  })

  it('locate any two wrong symbols', () => {
    const error = fc.record({ at: fc.nat(31), by: fc.integer({ min: 1, max: 31 }) })
    fc.assert(
      fc.property(keys, error, error, (key, a, b) => {
        if (a.at === b.at) return
        const typed = replaceSymbol(replaceSymbol(formatRecoveryKey(key), a.at, a.by), b.at, b.by)
        const expected = [a.at, b.at].map((position) => Math.floor(position / 4) + 1)
        expect(new Set<unknown>(groupsOf(typed))).toEqual(new Set<unknown>(expected))
      }),
      run,
    )
  })

  it('notice any one to six wrong symbols', () => {
    const errors = fc.uniqueArray(fc.tuple(fc.nat(31), fc.integer({ min: 1, max: 31 })), {
      minLength: 1,
      maxLength: 6,
      selector: ([position]) => position,
    })
    fc.assert(
      fc.property(keys, errors, (key, list) => {
        const typed = list.reduce((text, [position, by]) => replaceSymbol(text, position, by), formatRecoveryKey(key))
        expect(groupsOf(typed)).not.toBe('accepted')
      }),
      run,
    )
  })

  it('point at the group of another length, or of an unreadable symbol', () => {
    const text = formatRecoveryKey(generateRecoveryKey(nodeEngine()))
    expect(groupsOf(`${text.slice(0, 6)}${text.slice(7)}`)).toEqual([2])
    expect(groupsOf(`${text.slice(0, 10)}U${text.slice(11)}`)).toEqual([3])
    for (const nonsense of ['', '0', text.slice(0, 34), `${text}-0000`]) expect(groupsOf(nonsense)).toEqual([])
  })

  it('do not accept texts of a single symbol', () => {
    for (const symbol of ALPHABET) expect(groupsOf(symbol.repeat(32))).not.toBe('accepted')
  })
})
