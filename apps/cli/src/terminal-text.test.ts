import fc from 'fast-check'
import { expect, test } from 'vitest'
import { terminalJson, terminalText } from './terminal-text.ts'

test.each([
  ['colour', '\u001b[31mred\u001b[0m', 'red'],
  ['window title', 'a\u001b]0;owned\u0007b', 'ab'],
  ['hyperlink', '\u001b]8;;http://x\u001b\\text\u001b]8;;\u001b\\', 'text'],
  ['C1 sequence', 'a\u009b2Jb', 'ab'],
  ['device control', '\u001bP1$r0m\u001b\\x', 'x'],
  ['bare escape at the end', 'x\u001b', 'x?'],
  ['line end and bell', 'a\nb\u0007', 'a?b?'],
  ['right-to-left override', 'a\u202egpj.exe', 'a?gpj.exe'],
])('takes out a %s', (_, text, expected) => {
  expect(terminalText(text)).toBe(expected)
})

test('leaves scripts, emoji and spaces alone', () => {
  for (const text of ['Ünïcode', '文件 名', 'ملف', '👩‍👩‍👧‍👦 .txt', '  x  ', '-rf'])
    expect(terminalText(text)).toBe(text)
})

test('never lets a control character through, and changes nothing the second time', () => {
  const unit = fc.constantFrom('\u001b', '[', ']', 'm', '\u009b', '\u0007', 'a', '\u202e', '\\', '0', ';')
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit }))
  fc.assert(
    fc.property(text, (value) => {
      const shown = terminalText(value)
      expect(shown).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u)
      expect(terminalText(shown)).toBe(shown)
    }),
    { seed: 11, numRuns: 500 },
  )
})

test('JSON keeps the value and holds no control characters but line ends', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      const json = terminalJson({ value }, 2)
      expect(json.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e\u2066]/u)
      expect(JSON.parse(json)).toEqual({ value })
    }),
    { seed: 12, numRuns: 300 },
  )
})
