const ESC = '\\u001b'
const BEL = '\\u0007'
const ST = `(?:${BEL}|${ESC}\\\\|\\u009c)`

/** Whole escape sequences: OSC, DCS and their like with their text, then CSI, then the short ones. */
const SEQUENCES = new RegExp(
  [
    `(?:${ESC}[\\]PX^_]|[\\u009d\\u0090\\u0098\\u009e\\u009f])[^\\u0007\\u001b\\u009c]*${ST}`,
    `(?:${ESC}\\[|\\u009b)[0-?]*[ -/]*[@-~]`,
    `${ESC}[ -/]*[0-~]`,
  ].join('|'),
  'gu',
)

// Reason: C0, DEL and C1 steer a terminal; bidirectional controls and line separators make a name look like another.
const UNSAFE = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu

/**
 * Text that is safe to print on a terminal: escape sequences are taken out, other control characters and the
 * bidirectional overrides become `?`. Names come from whoever made the file, and a terminal obeys what it is sent.
 */
export function terminalText(text: string): string {
  return text.replace(SEQUENCES, '').replace(UNSAFE, '?')
}

/** JSON in which every character that a terminal could obey is written as `\uXXXX`; the value stays the same. */
export function terminalJson(value: unknown, indent?: number): string {
  const json = JSON.stringify(value, null, indent)
  return json.replace(UNSAFE, (character) =>
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
