import { cp, lstat, mkdir, readdir, readFile, readlink, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { expectFailure, useDesk } from './device.ts'

const desk = useDesk()

interface TreeJson {
  dryRun: boolean
  files: number
  folders: number
  symlinks: number
  bytes: number
  skipped: number
  items: { path: string; outcome: string }[]
  failed: { path: string; exitCode: number; message: string }[]
}

const local = (...names: string[]): string => join(desk.folder, ...names)

async function write(path: string, content: string): Promise<void> {
  await mkdir(join(local(path), '..'), { recursive: true })
  await writeFile(local(path), content)
}

/** Paths below a local folder, sorted. */
const paths = async (folder: string): Promise<string[]> => (await readdir(local(folder), { recursive: true })).sort()

beforeAll(async () => {
  await write('dir/a.txt', 'aaa')
  await write('dir/b.jpg', 'jpeg')
  await write('dir/sub/c.txt', 'c')
  await write('dir/sub/deep/d.tmp', 'd')
  await mkdir(local('dir/empty'))
  await symlink('a.txt', local('dir/link'))
  await symlink('/nowhere/at all', local('dir/dangling'))
  const time = new Date('1931-12-31T23:59:59.123Z')
  await utimes(local('dir/sub/c.txt'), time, time)
})

describe('put -r', () => {
  it('makes /dst/dir as cp does, and skips all of it the second time', async () => {
    const first = await desk.json<TreeJson>('put', '-r', 'dir', '/dst')
    expect(first).toMatchObject({ files: 4, folders: 4, symlinks: 2, bytes: 9, skipped: 0, failed: [] })
    expect(first.items.map(({ path }) => path).sort()).toContain('/dst/dir/sub/deep/d.tmp')
    expect((await desk.ok('ls', '-r', '/dst')).split('\n')).toEqual([
      'dir/',
      'dir/a.txt',
      'dir/b.jpg',
      'dir/dangling',
      'dir/empty/',
      'dir/link',
      'dir/sub/',
      'dir/sub/c.txt',
      'dir/sub/deep/',
      'dir/sub/deep/d.tmp',
      '',
    ])
    const before = await desk.ok('--json', 'ls', '-r', '/dst')
    const second = await desk.json<TreeJson>('put', '-r', 'dir', '/dst')
    expect(second).toMatchObject({ files: 0, folders: 0, symlinks: 0, bytes: 0, skipped: 6, failed: [] })
    expect(await desk.ok('--json', 'ls', '-r', '/dst')).toBe(before)
  })

  it('refuses two sources that would become one, before anything is sent', async () => {
    await write('one/same', 'first')
    await write('two/same', 'second')
    expectFailure(await desk.run('put', 'one/same', 'two/same', '/'), 2, /would both become "\/same"/)
    expectFailure(await desk.run('ls', '/same'), 3, /no such/)
    expect(await desk.json('put', '-r', 'one/.', 'two/.', '/')).toMatchObject({ files: 2 })
    expect(await desk.ok('cat', '/same')).toBe('second')
  })

  it('uploads only what has changed, as a new version', async () => {
    await write('changing/x', 'x1')
    await write('changing/y', 'y1')
    await desk.ok('put', '-r', 'changing', '/')
    await write('changing/x', 'x2 longer')
    expect(await desk.json<TreeJson>('put', '-r', 'changing', '/')).toMatchObject({ files: 1, skipped: 1 })
    expect(await desk.readText('/changing/x')).toBe('x2 longer')
  })

  it('takes "dir/." for what the folder holds', async () => {
    await desk.ok('put', '-r', 'dir/sub/.', '/contents')
    expect(await desk.ok('ls', '-r', '/contents')).toBe('c.txt\ndeep/\ndeep/d.tmp\n')
  })

  it('takes part of the tree by --include and --exclude', async () => {
    await desk.ok('put', '-r', '--include', '*.txt', 'dir', '/included')
    expect(await desk.ok('ls', '-r', '/included')).toBe('dir/\ndir/a.txt\ndir/sub/\ndir/sub/c.txt\n')
    await desk.ok('put', '-r', '--exclude', 'sub', '--exclude=*.jpg', 'dir', '/excluded')
    expect(await desk.ok('ls', '-r', '/excluded')).toBe('dir/\ndir/a.txt\ndir/dangling\ndir/empty/\ndir/link\n')
  })

  it('says with --dry-run what it would do, skipped files too', async () => {
    await write('plan/new', 'n')
    await write('plan/old', 'o')
    await desk.ok('put', '-r', '--include', 'old', 'plan', '/')
    const said = await desk.ok('put', '-r', '--dry-run', 'plan', '/')
    expect(said.split('\n').sort()).toEqual(['', 'Would put /plan/new', 'Would skip /plan/old'])
    expect(await desk.ok('ls', '/plan')).toBe('old\n')
  })

  it('reports what cannot be stored, does the rest and ends with 9', async () => {
    await write('odd/fine', 'fine')
    const server = createServer().listen(local('odd/socket'))
    await new Promise((resolve) => server.once('listening', resolve))
    await writeFile(Buffer.concat([Buffer.from(local('odd/')), Buffer.from([0xe4, 0x2e])]), 'latin 1')
    const result = await desk.run('put', '-r', '--quiet', 'odd', '/')
    server.close()
    expect(result.code).toBe(9)
    expect(result.stderr.split('\n')).toHaveLength(3)
    expect(result.stderr).toMatch(/"odd\/socket"/)
    expect(await desk.ok('ls', '/odd')).toBe('fine\n')
  })

  it('does not put a folder where a file is', async () => {
    await desk.putText('/a-file', 'x')
    expectFailure(await desk.run('put', '-r', 'dir', '/a-file'), 6, /not a folder/)
    await desk.putText('/dst2', 'x')
    await desk.ok('mkdir', '/under')
    await desk.putText('/under/dir', 'x')
    const result = await desk.run('put', '-r', '-q', 'dir', '/under')
    expect(result.code).not.toBe(0)
    expect(await desk.readText('/under/dir')).toBe('x')
  })
})

describe('get -r', () => {
  it('brings back contents, times, modes, empty folders and links as they were', async () => {
    await desk.ok('put', '-r', 'dir', '/round')
    await desk.ok('get', '-r', '/round/dir', 'got')
    expect(await paths('got/dir')).toEqual(await paths('dir'))
    expect(await readlink(local('got/dir/link'))).toBe('a.txt')
    expect(await readlink(local('got/dir/dangling'))).toBe('/nowhere/at all')
    for (const path of ['a.txt', 'b.jpg', 'sub/c.txt', 'sub/deep/d.tmp']) {
      const [there, here] = [local('got/dir', path), local('dir', path)]
      expect(await readFile(there, 'utf8')).toBe(await readFile(here, 'utf8'))
      expect((await stat(there)).mode).toBe((await stat(here)).mode)
      expect(Math.floor((await stat(there)).mtimeMs), path).toBe(Math.floor((await stat(here)).mtimeMs))
    }
    expect(Math.round((await stat(local('got/dir/sub/c.txt'))).mtimeMs)).toBe(Date.parse('1931-12-31T23:59:59.123Z'))
  })

  it('skips what is there with the same size and time, and gets the rest', async () => {
    await writeFile(local('got/dir/a.txt'), 'changed here')
    await rm(local('got/dir/sub'), { recursive: true })
    const result = await desk.json<{ items: { path: string; outcome: string }[] }>('get', '-r', '/round/dir', 'got')
    const done = result.items.filter(({ outcome }) => outcome === 'done').map(({ path }) => path)
    expect(done.sort()).toEqual(['/round/dir/a.txt', '/round/dir/sub/c.txt', '/round/dir/sub/deep/d.tmp'])
    expect(result.items.filter(({ outcome }) => outcome === 'skipped')).toHaveLength(3)
    expect(await readFile(local('got/dir/a.txt'), 'utf8')).toBe('aaa')
  })

  it('keeps what is there with --conflict skip or keep-both', async () => {
    await writeFile(local('got/dir/a.txt'), 'mine')
    await desk.ok('get', '-r', '--conflict', 'skip', '/round/dir', 'got')
    expect(await readFile(local('got/dir/a.txt'), 'utf8')).toBe('mine')
    await desk.ok('get', '-r', '--conflict', 'keep-both', '/round/dir', 'got')
    expect(await readFile(local('got/dir/a.txt'), 'utf8')).toBe('mine')
    expect(await readFile(local('got/dir/a (2).txt'), 'utf8')).toBe('aaa')
  })

  it('takes part of the tree by --include and --exclude', async () => {
    await desk.ok('get', '-r', '--include', '*.txt', '--exclude', 'sub', '/round/dir', 'partly')
    expect(await paths('partly')).toEqual(['dir', 'dir/a.txt'])
  })

  it('gets the whole drive into a folder', async () => {
    await desk.ok('get', '-r', '--include', 'round', '/', 'everything')
    expect(await paths('everything/round')).toContain('dir/sub/c.txt')
  })

  it('never writes through a link that is in the way', async () => {
    await mkdir(local('outside'))
    await mkdir(local('trap/dir'), { recursive: true })
    await symlink(local('outside'), local('trap/dir/sub'))
    await symlink(local('outside/hit'), local('trap/dir/a.txt'))
    await desk.run('get', '-r', '/round/dir', 'trap')
    expect(await paths('outside')).toEqual([])
    expect((await lstat(local('trap/dir/sub'))).isSymbolicLink()).toBe(true)
    expect(await readFile(local('trap/dir/a.txt'), 'utf8')).toBe('aaa')
  })
})

describe('names', () => {
  const names = [
    'spaces at the end  ',
    '  spaces before',
    '-rf',
    '--help',
    'Ünïcödé – “quotes”',
    '日本語のファイル',
    'ملف عربي',
    'हिन्दी',
    '👩‍👩‍👧‍👦🏳️‍🌈.txt',
    'it\'s $HOME `x` "y" \\n *?[a]',
    '...',
    'é'.repeat(127),
    'x'.repeat(255),
    'Case',
    'case',
  ]

  it('of many scripts, odd forms and 255 bytes survive the round trip', async () => {
    await mkdir(local('names'))
    for (const name of names) await writeFile(local('names', name), name)
    await desk.ok('put', '-r', 'names', '/')
    const entries = await desk.json<{ name: string }[]>('ls', '/names')
    expect(entries.map(({ name }) => name).sort()).toEqual([...names].sort())
    await desk.ok('get', '-r', '/names', 'names-back')
    expect((await readdir(local('names-back/names'))).sort()).toEqual([...names].sort())
    for (const name of names) expect(await readFile(local('names-back/names', name), 'utf8')).toBe(name)
  })

  it('that begin with dashes work after --', async () => {
    await cp(local('names', '-rf'), local('-rf'))
    await desk.ok('mkdir', '/dashes')
    await desk.ok('put', '--', '-rf', '/dashes')
    expect(await desk.readText('/dashes/-rf')).toBe('-rf')
    await rm(local('-rf'))
    await desk.ok('get', '--', '/dashes/-rf', '-rf')
    expect(await readFile(local('-rf'), 'utf8')).toBe('-rf')
  })

  it('cannot send escapes to the terminal, yet come exactly in JSON', async () => {
    // What steers a terminal, but for the line end.
    const steering = /(?!\n)[\p{Cc}\u202e]/u
    const evil = 'evil\u001b[31m\u001b]0;title\u0007 \u202egpj.exe\nnext'
    await mkdir(local('evil'))
    await writeFile(local('evil', evil), 'x')
    const put = await desk.run('put', '-r', 'evil', '/')
    const shown = [put.stderr, await desk.ok('ls', '/evil'), await desk.ok('ls', '-lr', '/evil')]
    shown.push((await desk.run('rm', '--dry-run', `/evil/${evil}`)).stdout.toString())
    shown.push((await desk.run('cat', `/evil/${evil}/none`)).stderr)
    for (const text of shown) expect(text).not.toMatch(steering)
    const json = await desk.ok('--json', 'ls', '/evil')
    expect(json).not.toMatch(steering)
    expect((JSON.parse(json) as { name: string }[])[0]?.name).toBe(evil)
  })
})
