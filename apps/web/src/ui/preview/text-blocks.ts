/** Longest block in UTF-16 units. */
const MOST_UNITS = 4_000
const MOST_LINES = 200
/** Characters that about fill a line; only to guess the height of what was not laid out yet. */
const LINE_UNITS = 110

/** A piece of a text. */
export interface TextBlock {
  /** Where it begins. */
  readonly at: number
  readonly text: string
  /** About as many lines as it will take. */
  readonly lines: number
}

// [Note: Texts that take for ever] Laying out half a megabyte takes a blink, unless the text is made to be slow: ten thousand
// accents on one letter, or marks of direction within each other, keep a browser busy for minutes. So a text is cut into
// blocks that are each laid out by itself and only when seen, which bounds what any text can cost.

/** A text in blocks that end at the end of a line where one is near; together they are the text. */
export function textBlocks(text: string): TextBlock[] {
  const blocks: TextBlock[] = []
  for (let at = 0; at < text.length; ) {
    const end = endOfBlock(text, at)
    const block = text.slice(at, end)
    blocks.push({ at, text: block, lines: linesOf(block) })
    at = end
  }
  return blocks
}

function endOfBlock(text: string, start: number): number {
  const most = Math.min(text.length, start + MOST_UNITS)
  let end = start
  for (let lines = 0; lines < MOST_LINES; lines += 1) {
    const newline = text.indexOf('\n', end)
    if (newline === -1 && most === text.length) return most
    if (newline === -1 || newline >= most) break
    end = newline + 1
  }
  if (end > start) return end
  // A line that is longer than a block is broken, though not within a character.
  return most < text.length && isHighSurrogate(text.charCodeAt(most - 1)) ? most - 1 : most
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00
}

function linesOf(block: string): number {
  return block
    .replace(/\n$/, '')
    .split('\n')
    .reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / LINE_UNITS)), 0)
}
