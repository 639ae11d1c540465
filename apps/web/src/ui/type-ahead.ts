import type { Rows } from '../bridge/rows.ts'

/** Letters that come faster belong together. */
const PAUSE_MS = 900
/** Letters that do something else where they begin; with Shift they begin a name too. */
const TAKEN = new Set('nuvisg/?'.split(''))

let typed = ''
let typedMs = 0

/**
 * Goes to a name by its first letters: the place of the next name that begins with what was typed; null for none.
 * A letter pressed again goes to the next name that begins with it.
 *
 * @param key - of the keyboard event
 * @param active - where the keyboard is; -1 before any
 */
export function typeAhead(key: string, rows: Rows, active: number, nowMs: number): number | null {
  const isGoing = nowMs - typedMs < PAUSE_MS && typed !== ''
  if ([...key].length !== 1 || (key === ' ' && !isGoing) || (!isGoing && TAKEN.has(key))) return null
  typed = isGoing ? typed + key.toLowerCase() : key.toLowerCase()
  typedMs = nowMs
  const letters = [...typed]
  const isRepeated = letters.every((letter) => letter === letters[0])
  const wanted = isRepeated ? (letters[0] ?? '') : typed
  const from = letters.length === 1 || isRepeated ? active + 1 : Math.max(0, active)
  for (let step = 0; step < rows.count; step += 1) {
    const index = (from + step) % rows.count
    if (rows.nameAt(index).toLowerCase().startsWith(wanted)) return index
  }
  return null
}

/** Whether letters that follow belong to a name. */
export function isTyping(nowMs: number): boolean {
  return typed !== '' && nowMs - typedMs < PAUSE_MS
}

/** As long as two keys go to a place together. */
const PAIR_MS = 1_000
const SECONDS = new Set('frst'.split(''))
let leadMs = Number.NEGATIVE_INFINITY

/** Whether a key is the second of two, as in G R, that go to a place: whatever it does alone, it is the app's then. */
export function endsPair(key: string, nowMs: number): boolean {
  const isSecond = nowMs - leadMs < PAIR_MS && SECONDS.has(key)
  leadMs = key === 'g' && !isTyping(nowMs) ? nowMs : Number.NEGATIVE_INFINITY
  return isSecond
}
