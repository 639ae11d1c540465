import { execFileSync } from 'node:child_process'
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FileSink } from '../../ports.ts'
import { fileSink } from './file-sink.ts'
import { fileSource } from './file-source.ts'
import { makeFolder } from './make-folder.ts'
import { profileFolders, profileStore } from './profile-store.ts'
import { localNames, treeSink } from './tree-sink.ts'

let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-files-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

const bytes = (text: string) => new TextEncoder().encode(text)

async function fill(sink: FileSink, text: string, meta: { mtimeMs?: number; mode?: number } = {}): Promise<void> {
  const writer = await sink.open({ size: text.length, mtimeMs: meta.mtimeMs ?? 0, mode: meta.mode })
  try {
    await writer.write(bytes(text))
    await writer.commit()
  } finally {
    await writer.abort()
  }
}

/** The same by calls that wait, unless the disk is too slow for them. */
async function fillAtOnce(sink: FileSink, text: string, meta: { mtimeMs?: number; mode?: number } = {}): Promise<void> {
  const { mtimeMs = 0, mode } = meta
  if (!(await sink.writeWhole?.({ size: text.length, mtimeMs, mode }, bytes(text)))) await fill(sink, text, meta)
}

describe('fileSink', () => {
  it('sets content, mode and time at once', async () => {
    await fill(fileSink(join(folder, 'a')), 'hello', { mtimeMs: 1_700_000_000_123, mode: 0o751 })
    const stats = await stat(join(folder, 'a'))
    expect(await readFile(join(folder, 'a'), 'utf8')).toBe('hello')
    expect(stats.mode & 0o777).toBe(0o751)
  })

  it.each([0, 1, 999, 1_700_000_000_123, 1_700_000_000_999, 4_102_444_800_001, -1, -1000, -1877, -86_400_000_001])(
    'keeps the modification time %d to the millisecond',
    async (mtimeMs) => {
      await fill(fileSink(join(folder, 'a')), 'x', { mtimeMs })
      expect((await fileSource(join(folder, 'a'))).mtimeMs).toBe(mtimeMs)
    },
  )

  it('sets times to the first microsecond of their millisecond, before 1970 too', async () => {
    for (const mtimeMs of [-467_743_193_877, -766_954_809_124, -1, 0, 1, 1_700_000_000_123, 4_000_000_000_999]) {
      await fill(fileSink(join(folder, 'a')), 'x', { mtimeMs })
      const late = (await stat(join(folder, 'a'), { bigint: true })).mtimeNs - BigInt(mtimeMs) * 1_000_000n
      expect(late).toBeGreaterThanOrEqual(0n)
      expect(late).toBeLessThanOrEqual(1_000n)
    }
  })

  it('leaves nothing behind when it is aborted', async () => {
    await writeFile(join(folder, 'a'), 'old')
    const writer = await fileSink(join(folder, 'a')).open({ size: 3, mtimeMs: 0 })
    await writer.write(bytes('new'))
    await writer.abort()
    expect(await readdir(folder)).toEqual(['a'])
    expect(await readFile(join(folder, 'a'), 'utf8')).toBe('old')
  })

  it('does not replace what appears meanwhile unless it may', async () => {
    const writer = await fileSink(join(folder, 'a'), { overwrite: false }).open({ size: 3, mtimeMs: 0 })
    await writer.write(bytes('new'))
    await writeFile(join(folder, 'a'), 'old')
    await expect(writer.commit()).rejects.toMatchObject({ code: 'exists' })
    await writer.abort()
    expect(await readFile(join(folder, 'a'), 'utf8')).toBe('old')
    expect(await readdir(folder)).toEqual(['a'])
  })

  it('replaces a symbolic link instead of writing through it', async () => {
    await writeFile(join(folder, 'victim'), 'untouched')
    await symlink('victim', join(folder, 'a'))
    await fill(fileSink(join(folder, 'a')), 'new')
    expect(await readFile(join(folder, 'victim'), 'utf8')).toBe('untouched')
    expect(await readFile(join(folder, 'a'), 'utf8')).toBe('new')
  })

  it('refuses a folder as its target', async () => {
    await mkdir(join(folder, 'a'))
    await expect(fileSink(join(folder, 'a')).open({ size: 0, mtimeMs: 0 })).rejects.toMatchObject({
      code: 'is_a_folder',
    })
  })
})

describe.each([
  ['step by step', fill],
  ['at once', fillAtOnce],
])('treeSink, written %s', (_, put) => {
  it('never leaves its folder, whatever names a valid commit holds', async () => {
    const sink = treeSink(join(folder, 'out'))
    for (const path of ['../x', 'a/../../x', '..', '.', '', 'a//b', '/etc/x', 'a/./b', 'a\0b']) {
      await expect(put(sink.file(path), 'bad')).rejects.toMatchObject({ code: 'integrity' })
      await expect(sink.symlink(path, 't')).rejects.toMatchObject({ code: 'integrity' })
      if (path !== '') await expect(sink.folder(path, {})).rejects.toMatchObject({ code: 'integrity' })
    }
    expect(await readdir(folder)).not.toContain('x')
  })

  it('never writes through a symbolic link below its folder', async () => {
    await mkdir(join(folder, 'outside'))
    await mkdir(join(folder, 'out'))
    await symlink('../outside', join(folder, 'out', 'link'))
    const sink = treeSink(join(folder, 'out'))
    await expect(put(sink.file('link/a'), 'bad')).rejects.toMatchObject({ code: 'exists' })
    await expect(sink.folder('link', {})).rejects.toMatchObject({ code: 'exists' })
    await expect(sink.symlink('link/b', 't')).rejects.toMatchObject({ code: 'exists' })
    expect(await readdir(join(folder, 'outside'))).toEqual([])
  })

  it('does not write through a link that it made itself', async () => {
    await mkdir(join(folder, 'outside'))
    const sink = treeSink(join(folder, 'out'))
    await sink.symlink('link', '../outside')
    await expect(put(sink.file('link/a'), 'bad')).rejects.toMatchObject({ code: 'exists' })
    expect(await readdir(join(folder, 'outside'))).toEqual([])
  })

  it('refuses the second of two names that differ only in their form', async () => {
    const sink = treeSink(join(folder, 'out'))
    await put(sink.file('\u00e9'), 'one')
    await expect(put(sink.file('e\u0301'), 'two')).rejects.toMatchObject({ code: 'exists' })
  })

  it('makes folders, files and links', async () => {
    const sink = treeSink(join(folder, 'out'))
    await sink.folder('', {})
    await sink.folder('a', {})
    await put(sink.file('a/b'), 'x')
    await sink.symlink('a/l', 'b')
    await sink.finish()
    expect((await readdir(join(folder, 'out', 'a'))).sort()).toEqual(['b', 'l'])
    expect(await readFile(join(folder, 'out', 'a', 'l'), 'utf8')).toBe('x')
  })

  it('sets content, mode and time, and replaces what may be replaced', async () => {
    await mkdir(join(folder, 'out'))
    await writeFile(join(folder, 'victim'), 'untouched')
    await symlink('../victim', join(folder, 'out', 'a'))
    await writeFile(join(folder, 'out', 'b'), 'old')
    const sink = treeSink(join(folder, 'out'))
    const meta = { mtimeMs: 1_700_000_000_123, mode: 0o751 }
    for (const name of ['a', 'b', 'c']) {
      await put(sink.file(name), `new ${name}`, meta)
      const stats = await lstat(join(folder, 'out', name))
      expect([stats.isFile(), stats.mode & 0o777, Math.floor(stats.mtimeMs)]).toEqual([true, meta.mode, meta.mtimeMs])
      expect(await readFile(join(folder, 'out', name), 'utf8')).toBe(`new ${name}`)
    }
    await put(sink.file('private'), 'x', { mode: 0o600 })
    await put(sink.file('usual'), 'x')
    const modeOf = async (name: string) => (await stat(join(folder, 'out', name))).mode & 0o777
    expect([await modeOf('private'), await modeOf('usual')]).toEqual([0o600, 0o666 & ~process.umask()])
    expect(await readFile(join(folder, 'victim'), 'utf8')).toBe('untouched')
    expect((await readdir(join(folder, 'out'))).sort()).toEqual(['a', 'b', 'c', 'private', 'usual'])
  })

  it('replaces nothing where it may not, no folder and no pipe, and leaves nothing beside them', async () => {
    await mkdir(join(folder, 'out', 'folder'), { recursive: true })
    await writeFile(join(folder, 'out', 'a'), 'old')
    const careful = treeSink(join(folder, 'out'), { overwrite: false })
    await expect(put(careful.file('a'), 'new')).rejects.toMatchObject({ code: 'exists' })
    const sink = treeSink(join(folder, 'out'))
    await expect(put(sink.file('folder'), 'new')).rejects.toMatchObject({ code: 'is_a_folder' })
    if (process.platform !== 'win32') {
      execFileSync('/usr/bin/env', ['mkfifo', join(folder, 'out', 'pipe')])
      await expect(put(sink.file('pipe'), 'new')).rejects.toMatchObject({ code: 'exists' })
    }
    await put(careful.file('b'), 'new')
    expect(await readFile(join(folder, 'out', 'a'), 'utf8')).toBe('old')
    expect(await readFile(join(folder, 'out', 'b'), 'utf8')).toBe('new')
    expect((await readdir(join(folder, 'out'))).filter((name) => name !== 'pipe').sort()).toEqual(['a', 'b', 'folder'])
  })
})

describe('localNames', () => {
  it('escapes what Windows forbids', () => {
    expect(localNames('a:b/con.txt/x.', 'win32')).toEqual(['a%3ab', '%63on.txt', 'x%2e'])
    expect(localNames('a\\b', 'win32')).toEqual(['a%5cb'])
    expect(localNames('a\\b', 'linux')).toEqual(['a\\b'])
  })
})

describe('makeFolder', () => {
  it('makes what is missing, and tells the topmost', async () => {
    expect(await makeFolder(join(folder, 'a/b/c'), 0o700)).toBe(join(folder, 'a'))
    expect((await stat(join(folder, 'a/b'))).mode & 0o777).toBe(0o700)
    expect(await makeFolder(join(folder, 'a/b/c'))).toBeUndefined()
  })

  it('refuses where a file stands', async () => {
    await writeFile(join(folder, 'a'), '')
    await expect(makeFolder(join(folder, 'a'))).rejects.toMatchObject({ code: 'EEXIST' })
    await expect(makeFolder(join(folder, 'a/b'))).rejects.toMatchObject({ code: 'ENOTDIR' })
  })

  it.skipIf(process.platform !== 'linux')('ends where no folder can be made', async () => {
    await expect(makeFolder('/proc/strongroom/a')).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

describe('profileStore', () => {
  it('keeps private files in private folders', async () => {
    const store = profileStore(profileFolders(join(folder, 'home'), {}))
    await store.save('profile', bytes('secret'))
    expect((await stat(join(folder, 'home'))).mode & 0o777).toBe(0o700)
    expect((await stat(join(folder, 'home', 'profile.json'))).mode & 0o777).toBe(0o600)
    expect(new TextDecoder().decode((await store.load('profile')) ?? undefined)).toBe('secret')
    await store.remove('profile')
    expect(await store.load('profile')).toBeNull()
  })

  it('says that the profile is the matter when its folder cannot be used', async () => {
    await writeFile(join(folder, 'home'), '')
    const store = profileStore(profileFolders(join(folder, 'home'), {}))
    const refused = { code: 'local_io', details: { place: 'profile' } }
    await expect(store.save('profile', bytes('x'))).rejects.toMatchObject(refused)
    await expect(store.load('profile')).rejects.toMatchObject(refused)
    await expect(store.exclusively(async () => undefined)).rejects.toMatchObject(refused)
  })

  it('runs exclusive tasks one after the other, in other stores of the same folder too', async () => {
    const stores = [0, 1].map(() => profileStore(profileFolders(join(folder, 'home'), {})))
    let running = 0
    let most = 0
    const task = async () => {
      running += 1
      most = Math.max(most, running)
      await new Promise((done) => setTimeout(done, 20))
      running -= 1
    }
    await Promise.all([...stores, ...stores].map((store) => store.exclusively(task)))
    expect(most).toBe(1)
  })

  it('keeps its locks apart, waits for a holder that lives, and not for ever for one that was killed', async () => {
    const [first, second] = [0, 1].map(() => profileStore(profileFolders(join(folder, 'home'), {})))
    const order: string[] = []
    let slow: Promise<unknown> | undefined
    await new Promise<void>((held) => {
      slow = first?.exclusively(async () => {
        held()
        await first.exclusively(async () => order.push('inner'))
        await new Promise((done) => setTimeout(done, 300))
        order.push('slow')
      }, 'commit')
    })
    await Promise.all([slow, second?.exclusively(async () => order.push('after'), 'commit')])
    expect(order).toEqual(['inner', 'slow', 'after'])
    // What a process leaves behind that was killed a while ago.
    await mkdir(join(folder, 'home', 'commit.lock'))
    const before = new Date(Date.now() - 6000)
    await utimes(join(folder, 'home', 'commit.lock'), before, before)
    expect(await second?.exclusively(async () => 'done', 'commit')).toBe('done')
  })

  it('waits for a lock no longer than its caller, and for a transfer neither', async () => {
    const [first, second] = [0, 1].map(() => profileStore(profileFolders(join(folder, 'home'), {})))
    let end = () => {}
    const held = new Promise<void>((resolve) => {
      end = resolve
    })
    const holding = first?.exclusively(() => held, 'commit')
    const release = await first?.journals?.claim('0'.repeat(32))
    const signal = AbortSignal.timeout(50)
    const untold = async () => expect.unreachable()
    await expect(second?.exclusively(untold, 'commit', signal)).rejects.toMatchObject({ code: 'aborted' })
    await expect(second?.journals?.claim('0'.repeat(32), signal)).rejects.toMatchObject({ code: 'aborted' })
    end()
    await holding
    await release?.()
  })

  it('follows STRONGROOM_HOME, then XDG', () => {
    expect(profileFolders(undefined, { STRONGROOM_HOME: '/h' })).toEqual({ config: '/h', state: '/h' })
    expect(profileFolders(undefined, { XDG_CONFIG_HOME: '/c', XDG_STATE_HOME: '/s' })).toEqual({
      config: '/c/strongroom',
      state: '/s/strongroom',
    })
  })
})
