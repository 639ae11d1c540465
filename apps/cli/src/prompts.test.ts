import { expect, test } from 'vitest'
import { foldRecoveryKey } from './prompts.ts'

test('a recovery key is the same however people write it', () => {
  const key = '0A1B-CDEF-1234-5678-9ABC-DEFG-HJKM-NPQR'
  expect(foldRecoveryKey('oa1b cdef l234 5678 9abc-defg hjkm npqr ')).toBe(foldRecoveryKey(key))
  expect(foldRecoveryKey(key.replace('0A', '0B'))).not.toBe(foldRecoveryKey(key))
})
