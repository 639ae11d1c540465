import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { EXIT } from './exit-codes.ts'
import { createUnconfirmedFile } from './unconfirmed-file.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-unconfirmed-'))
})
afterEach(() => rm(folder, { recursive: true }))

test('has its name only once the key counts, and is for its owner only', async () => {
  const file = await createUnconfirmedFile(join(folder, 'key'))
  await file.write('AAAA-BBBB')
  expect(await readdir(folder)).toEqual(['key.unconfirmed'])
  await file.confirm()
  expect(await readdir(folder)).toEqual(['key'])
  expect(await readFile(file.path, 'utf8')).toBe('AAAA-BBBB\n')
  expect((await stat(file.path)).mode & 0o777).toBe(0o600)
})

test('is gone when the key does not count, and stays apart when that is not known', async () => {
  const dropped = await createUnconfirmedFile(join(folder, 'dropped'))
  await dropped.write('AAAA')
  await dropped.discard()
  const kept = await createUnconfirmedFile(join(folder, 'kept'))
  await kept.write('BBBB')
  await kept.keep()
  expect(await readdir(folder)).toEqual(['kept.unconfirmed'])
})

test('overwrites nothing, neither at the beginning nor at the end', async () => {
  await writeFile(join(folder, 'old'), 'old')
  await symlink('nowhere', join(folder, 'link'))
  await writeFile(join(folder, 'cut.unconfirmed'), 'of an earlier attempt')
  for (const name of ['old', 'link', 'cut']) {
    await expect(createUnconfirmedFile(join(folder, name))).rejects.toMatchObject({ exitCode: EXIT.conflict })
  }
  const file = await createUnconfirmedFile(join(folder, 'late'))
  await file.write('AAAA')
  await writeFile(file.path, 'appeared meanwhile')
  await expect(file.confirm()).rejects.toThrow(/counts, but its file could not be named/)
  expect(await readFile(file.path, 'utf8')).toBe('appeared meanwhile')
  expect(await readFile(file.unconfirmedPath, 'utf8')).toBe('AAAA\n')
})

test.each(['', '-'])('is not made under the name "%s"', async (name) => {
  await expect(createUnconfirmedFile(name)).rejects.toMatchObject({ exitCode: EXIT.usage })
})
