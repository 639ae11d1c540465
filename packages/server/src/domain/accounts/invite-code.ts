import type { Random } from '../../ports/index.ts'
import { sha256 } from '../bytes.ts'

/** Crockford's base32. */
const SYMBOLS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const LENGTH = 20
const GROUP = 5

/** A new code of 100 random bits: four groups of five symbols. */
export function makeInviteCode(random: Random): string {
  const symbols = [...random.bytes(LENGTH)].map((byte) => SYMBOLS[byte % SYMBOLS.length]).join('')
  return symbols.match(new RegExp(`.{${GROUP}}`, 'g'))?.join('-') ?? symbols
}

/**
 * What is stored of a code. A plain hash is enough: nobody tries 2^100 codes.
 *
 * @param text - as it was typed: in any case, with any spaces and dashes, O for 0, I and L for 1
 * @returns null for what is no code
 */
export function inviteHash(text: string): Uint8Array | null {
  const folded = text.toUpperCase().replace(/[\s-]/g, '').replaceAll('O', '0').replace(/[IL]/g, '1')
  const isCode = folded.length === LENGTH && [...folded].every((symbol) => SYMBOLS.includes(symbol))
  return isCode ? sha256(Buffer.from(folded, 'ascii')) : null
}
