import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { EXIT } from './exit-codes.ts'
import { createRecoveryFile } from './recovery-file.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-recovery-'))
})
afterEach(async () => {
  await chmod(folder, 0o700)
  await rm(folder, { recursive: true })
})

test('holds the key, for the owner only', async () => {
  const file = await createRecoveryFile(join(folder, 'key'))
  expect(file.written).toBe(false)
  await file.write('AAAA-BBBB')
  await file.close()
  expect(file.written).toBe(true)
  expect(await readFile(file.path, 'utf8')).toBe('AAAA-BBBB\n')
  expect((await stat(file.path)).mode & 0o777).toBe(0o600)
})

test('never overwrites, not even through a dangling link', async () => {
  await writeFile(join(folder, 'key'), 'old')
  await symlink('nowhere', join(folder, 'link'))
  for (const name of ['key', 'link']) {
    await expect(createRecoveryFile(join(folder, name))).rejects.toMatchObject({ exitCode: EXIT.conflict })
  }
  expect(await readFile(join(folder, 'key'), 'utf8')).toBe('old')
  expect((await readdir(folder)).sort()).toEqual(['key', 'link'])
})

test.each(['', '-'])('is not made under the name "%s"', async (name) => {
  await expect(createRecoveryFile(name)).rejects.toMatchObject({ exitCode: EXIT.usage })
})

test('is gone after discard', async () => {
  const file = await createRecoveryFile(join(folder, 'key'))
  await file.discard()
  expect(await readdir(folder)).toEqual([])
})

test('says what is wrong when it cannot be made', async () => {
  await expect(createRecoveryFile(join(folder, 'no', 'key'))).rejects.toThrow(/no such file or folder/)
})
