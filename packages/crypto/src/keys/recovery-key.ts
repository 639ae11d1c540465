import type { CryptoEngine } from '../engine.ts'
import { CryptoError, RecoveryKeyError } from '../errors.ts'
import type { RecoveryKey } from '../secret-bytes.ts'
import { asRecoveryKey, SecretBytes } from '../secret-bytes.ts'
import { addCheckSymbols, checkSymbols } from './recovery-code.ts'

/*
 * 8 groups of 4 symbols of Crockford base32. The first 26 symbols hold 130 bits: the version in two (00), then the key;
 * six check symbols follow, see [Note: Recovery code].
 */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const KEY_BYTES = 16
const SYMBOLS = 32
const DATA_SYMBOLS = 26
const GROUP = 4

/** A fresh random recovery key. */
export function generateRecoveryKey(engine: CryptoEngine): RecoveryKey {
  return asRecoveryKey(SecretBytes.random(engine, KEY_BYTES))
}

/** The text to show and to write down, such as `0ABC-…`: 8 groups of 4 joined by dashes. */
export function formatRecoveryKey(key: RecoveryKey): string {
  const data = key.use((bytes) => {
    let value = 0n
    for (const byte of bytes) value = (value << 8n) | BigInt(byte)
    return Array.from({ length: DATA_SYMBOLS }, (_, i) => Number((value >> BigInt(5 * (DATA_SYMBOLS - 1 - i))) & 31n))
  })
  const text = addCheckSymbols(data).map((symbol) => ALPHABET.charAt(symbol))
  return Array.from({ length: SYMBOLS / GROUP }, (_, i) => text.slice(i * GROUP, (i + 1) * GROUP).join('')).join('-')
}

/**
 * Reads a recovery key as people type it: case, spaces and dashes are ignored, O is 0, I and L are 1.
 *
 * @throws RecoveryKeyError (code `recovery_key_invalid`) with the groups to look at again, as far as they can be told;
 *   CryptoError `upgrade_required` for a key of a newer kind
 */
export function parseRecoveryKey(text: string): RecoveryKey {
  const symbols = readSymbols(text)
  const { valid, suspects } = checkSymbols(symbols)
  if (!valid) throw new RecoveryKeyError(groupsOf(suspects))
  let value = 0n
  for (const symbol of symbols.slice(0, DATA_SYMBOLS)) value = (value << 5n) | BigInt(symbol)
  if (value >> 128n !== 0n) throw new CryptoError('upgrade_required')
  const bytes = Uint8Array.from({ length: KEY_BYTES }, (_, i) => Number((value >> BigInt(8 * (15 - i))) & 255n))
  return asRecoveryKey(SecretBytes.take(bytes))
}

function readSymbols(text: string): number[] {
  const characters = [...text.toUpperCase()].filter((character) => !isSeparator(character))
  if (characters.length !== SYMBOLS) throw new RecoveryKeyError(oddGroups(text))
  const symbols = characters.map((character) => ALPHABET.indexOf(lookAlike(character)))
  const unreadable = symbols.flatMap((symbol, i) => (symbol < 0 ? [i] : []))
  if (unreadable.length > 0) throw new RecoveryKeyError(groupsOf(unreadable))
  return symbols
}

/** Where the separators make eight groups, those of another length than four. */
function oddGroups(text: string): number[] {
  const groups = [''].slice(1)
  for (const character of text) {
    if (isSeparator(character)) groups.push('')
    else groups.push((groups.pop() ?? '') + character)
  }
  const typed = groups.filter((group) => group.length > 0)
  if (typed.length !== SYMBOLS / GROUP) return []
  return typed.flatMap((group, i) => ([...group].length === GROUP ? [] : [i + 1]))
}

function isSeparator(character: string): boolean {
  return /[\s\-‐‑‒–—_.,]/u.test(character)
}

function lookAlike(character: string): string {
  if (character === 'O') return '0'
  return character === 'I' || character === 'L' ? '1' : character
}

function groupsOf(positions: readonly number[]): number[] {
  return [...new Set(positions.map((position) => Math.floor(position / GROUP) + 1))]
}
