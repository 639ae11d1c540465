import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { textBlocks } from './text-blocks.ts'

const joined = (text: string): string =>
  textBlocks(text)
    .map((block) => block.text)
    .join('')

describe('the blocks of a text', () => {
  it('are together the text, each no longer than a screen or two', () => {
    const pieces = fc.constantFrom('\n', 'word ', 'x'.repeat(5_000), '\u{1F600}'.repeat(3_000), '\u0301'.repeat(9_000))
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const text = parts.join('')
        expect(joined(text)).toBe(text)
        for (const block of textBlocks(text)) {
          expect(block.text.length).toBeGreaterThan(0)
          expect(block.text.length).toBeLessThanOrEqual(4_000)
          expect(block.text.split('\n').length).toBeLessThanOrEqual(201)
          expect(block.text).not.toMatch(/\p{Cs}/u)
        }
      }),
      { seed: 3, numRuns: 200 },
    )
  })

  it('end at the end of a line, and tell how many lines they take', () => {
    const text = `${'a line\n'.repeat(300)}the last`
    const blocks = textBlocks(text)
    expect(blocks.map(({ lines }) => lines)).toEqual([200, 101])
    expect(blocks[0]?.text.endsWith('\n')).toBe(true)
    expect(textBlocks('x'.repeat(1_000))).toEqual([{ at: 0, text: 'x'.repeat(1_000), lines: 10 }])
    expect(textBlocks('')).toEqual([])
  })

  it('are few, also of half a megabyte of empty lines', () => {
    expect(textBlocks('\n'.repeat(524_288)).length).toBe(Math.ceil(524_288 / 200))
  })
})
