import { expect, test } from 'vitest'
import { createProgress, progressLine } from './progress.ts'

const state = { done: 3_000_000, total: 12_000_000, bytesPerSecond: 1_000_000, name: '' }

test('shows share, amounts, rate and time left', () => {
  expect(progressLine(state, 200)).toBe(`${'█'.repeat(6)}${'░'.repeat(18)} 25 %  3.0 MB of 12.0 MB, 1.0 MB/s, 9 s left`)
})

test('shows neither a bar nor a time left while the total is unknown', () => {
  expect(progressLine({ ...state, total: null }, 200)).toBe('3.0 MB  1.0 MB/s')
})

test('never exceeds the width, and takes escapes out of names', () => {
  const line = progressLine({ ...state, name: `\u001b[2J${'👍'.repeat(300)}` }, 100)
  expect([...line]).toHaveLength(100)
  expect(line).not.toContain('\u001b')
})

test('an empty transfer is whole, and a stalled one has no time left', () => {
  expect(progressLine({ done: 0, total: 0, bytesPerSecond: 0, name: '' }, 200)).toContain('100 %')
  expect(progressLine({ ...state, bytesPerSecond: 0 }, 200)).toContain('– left')
})

test('without a terminal nothing happens', () => {
  const progress = createProgress(false)
  progress.newCall()({ type: 'progress', files: 0, totalFiles: 1, bytes: 0, totalBytes: 1 })
  progress.stop()
})
