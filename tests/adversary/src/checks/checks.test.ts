import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { CHECKS, type Check, mutationsOf } from './checks.ts'

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))

// Reason: mutants are built late in a long run; this says in a second which check was moved.
it.each(Object.keys(CHECKS) as Check[])('the check "%s" stands in the sources exactly once', async (check) => {
  for (const { file, find } of mutationsOf([check])) {
    const text = await readFile(ROOT + file, 'utf8')
    const times = text.split(find).length - 1
    expect(times, `${file} holds ${times} times, not once: ${find}; mend it in tests/adversary/src/checks`).toBe(1)
  }
})
