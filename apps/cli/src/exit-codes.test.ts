import { expect, test } from 'vitest'
import { combinedExitCode, EXIT } from './exit-codes.ts'

test('nothing failed is done', () => {
  expect(combinedExitCode(0, [])).toBe(EXIT.done)
  expect(combinedExitCode(3, [])).toBe(EXIT.done)
})

test('some done and some failed is partly done', () => {
  expect(combinedExitCode(1, [EXIT.notFound])).toBe(EXIT.partlyDone)
})

test('failures of one kind keep its code, of several kinds are a plain failure', () => {
  expect(combinedExitCode(0, [EXIT.notFound, EXIT.notFound])).toBe(EXIT.notFound)
  expect(combinedExitCode(0, [EXIT.notFound, EXIT.quota])).toBe(EXIT.failed)
})

test('tampering and interruption are never hidden behind partly done', () => {
  expect(combinedExitCode(5, [EXIT.notFound, EXIT.integrity])).toBe(EXIT.integrity)
  expect(combinedExitCode(5, [EXIT.integrity, EXIT.interrupted])).toBe(EXIT.interrupted)
})
