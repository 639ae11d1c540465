import { execFileSync } from 'node:child_process'
import { openSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TreeItem } from '../../drive/types.ts'
import { fileSource, localTree, milliseconds } from './file-source.ts'

let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-sources-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

describe('fileSource', () => {
  it('reads at offsets and notices a change', async () => {
    const path = join(folder, 'a')
    await writeFile(path, '0123456789')
    const source = await fileSource(path)
    const file = await source.open()
    const target = new Uint8Array(4)
    expect(await file.read(3, target)).toBe(4)
    expect(new TextDecoder().decode(target)).toBe('3456')
    expect(await file.isUnchanged()).toBe(true)
    await utimes(path, 1, 1)
    expect(await file.isUnchanged()).toBe(false)
    await file.close()
    await expect(source.open()).rejects.toMatchObject({ code: 'source_changed' })
  })

  it('reads a small file as a whole, unless it is another one by now', async () => {
    const path = join(folder, 'a')
    const read = async (prepare: () => unknown) => {
      await writeFile(path, '0123456789')
      const source = await fileSource(path, { followLinks: false })
      await prepare()
      const target = new Uint8Array(10)
      return (await source.readWhole?.(target)) ? new TextDecoder().decode(target) : null
    }
    expect(await read(() => {})).toBe('0123456789')
    expect(await read(() => utimes(path, 1, 1))).toBeNull()
    expect(await read(() => writeFile(path, '01234'))).toBeNull()
    expect(await read(() => writeFile(path, '0123456789 and more'))).toBeNull()
    const inPlace = (make: () => Promise<unknown>) => async () => {
      await rename(path, `${path}-away`)
      await make()
    }
    expect(await read(inPlace(async () => {}))).toBeNull()
    expect(await read(inPlace(() => symlink(`${path}-away`, path)))).toBeNull()
    await rm(path)
    if (process.platform !== 'win32')
      expect(await read(inPlace(async () => execFileSync('/usr/bin/env', ['mkfifo', path])))).toBeNull()
  })

  it.skipIf(process.platform === 'win32')('waits for no writer of a pipe that came into its place', async () => {
    const path = join(folder, 'a')
    await writeFile(path, '')
    const source = await fileSource(path)
    await rm(path)
    execFileSync('/usr/bin/env', ['mkfifo', path])
    let isWaitedFor = false
    const writer = setTimeout(() => {
      isWaitedFor = true
      openSync(path, 'r+')
    }, 4000)
    await expect(source.open()).rejects.toMatchObject({ code: 'source_changed' })
    clearTimeout(writer)
    expect(isWaitedFor).toBe(false)
  })

  it('refuses folders, and says what is not there', async () => {
    await expect(fileSource(folder)).rejects.toMatchObject({ code: 'is_a_folder' })
    await expect(fileSource(join(folder, 'none'))).rejects.toMatchObject({ code: 'not_found' })
  })

  it('rounds times down, before 1970 too', () => {
    expect([1_999_999n, -1n, -1_000_000n, -1_000_001n, 0n].map(milliseconds)).toEqual([1, -1, -1, -2, 0])
  })
})

describe('localTree', () => {
  it('yields folders first and keeps links as links', async () => {
    await mkdir(join(folder, 'd', 'sub'), { recursive: true })
    await writeFile(join(folder, 'd', 'sub', 'f'), 'x')
    await writeFile(join(folder, 'd', 'skip'), 'x')
    await symlink('sub', join(folder, 'd', 'l'))
    const items: TreeItem[] = []
    const options = { filter: (path: string) => path !== 'skip' }
    for await (const item of localTree(join(folder, 'd'), '/up', options)) items.push(item)
    expect(items.map(({ path, kind, target }) => [path, kind, target])).toEqual([
      ['/up', 'folder', undefined],
      ['/up/l', 'symlink', 'sub'],
      ['/up/sub', 'folder', undefined],
      ['/up/sub/f', 'file', undefined],
    ])
  })
})

describe('localTree and what a vault cannot keep', () => {
  const skipped = async (): Promise<[string, string][]> => {
    const told: [string, string][] = []
    const onSkipped = (path: string, error: Error) => void told.push([path, error.message])
    for await (const _ of localTree(folder, '/up', { onSkipped }));
    return told
  }

  it('reports a second name that differs in its Unicode form only', async () => {
    await writeFile(join(folder, 'e\u0301'), 'one')
    await writeFile(join(folder, '\u00e9'), 'two')
    expect(await skipped()).toEqual([['\u00e9', expect.stringContaining('composed')]])
  })

  it('names what is not UTF-8, a link to it too', async () => {
    await writeFile(Buffer.concat([Buffer.from(join(folder, 'caf')), Buffer.of(0xe9)]), '')
    await symlink(Buffer.of(0x61, 0xff), join(folder, 'link'))
    expect(await skipped()).toEqual([
      ['caf\ufffd', expect.stringContaining('UTF-8')],
      ['link', expect.stringContaining('UTF-8')],
    ])
  })

  it.skipIf(process.platform !== 'linux')('refuses to read a file that hides its size as empty', async () => {
    const source = await fileSource('/proc/version')
    expect(source.size).toBe(0)
    await expect(source.open()).rejects.toMatchObject({ code: 'usage' })
  })
})
