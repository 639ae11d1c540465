import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { resolveLocalConflict } from './local-target.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-target-'))
})
afterAll(() => rm(folder, { recursive: true }))

test('keep-both numbers a name that is as long as a name can be', async () => {
  const path = join(folder, `${'n'.repeat(251)}.txt`)
  await writeFile(path, 'here')
  const second = await resolveLocalConflict(path, 'keep-both')
  expect([dirname(second ?? ''), basename(second ?? '')]).toEqual([folder, `${'n'.repeat(247)} (2).txt`])
  await writeFile(second ?? '', 'here too')
  expect(basename((await resolveLocalConflict(path, 'keep-both')) ?? '')).toBe(`${'n'.repeat(247)} (3).txt`)
})
