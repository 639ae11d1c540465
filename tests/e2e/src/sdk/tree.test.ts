import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, readlink, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ProgressEvent, TreeItem } from '@strongroom/client'
import { fileSink, fileSource, localTree, streamSource, treeSink } from '@strongroom/client/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { bytesSink, bytesSource, freshLogin, loginDevice, newHome, registerDevice, type SdkDevice } from './sdk.ts'

let server: DevServer
let device: SdkDevice
const login = freshLogin()

beforeAll(async () => {
  server = await startDevServer()
  device = await registerDevice(server.url, login)
})

afterAll(async () => {
  await device?.[Symbol.asyncDispose]()
  await server?.stop()
})

const text = (value: string) => bytesSource(new TextEncoder().encode(value))

async function read(path: string): Promise<string> {
  const sink = bytesSink()
  await device.session.drive.get(path, sink)
  return new TextDecoder().decode(sink.bytes())
}

async function paths(path: string): Promise<string[]> {
  return (await device.session.drive.list(path, { recursive: true })).map((entry) => entry.path)
}

describe('a tree', () => {
  it('goes up and comes down with content, times, modes and links', async () => {
    const home = await newHome()
    const up = join(home, 'up')
    await mkdir(join(up, 'sub', 'empty'), { recursive: true })
    await writeFile(join(up, 'a.bin'), randomBytes(9_000_000), { mode: 0o640 })
    await writeFile(join(up, 'sub', 'run.sh'), 'echo hi\n', { mode: 0o755 })
    await writeFile(join(up, 'sub', 'grün.txt'), '')
    await symlink('../a.bin', join(up, 'sub', 'link'))
    await utimes(join(up, 'a.bin'), '-1.5', '-1.5')
    const result = await device.session.drive.putTree(localTree(up, '/tree'))
    expect(result).toMatchObject({ files: 3, folders: 3, symlinks: 1, skipped: 0, failures: [] })
    const down = join(home, 'down')
    const got = await device.session.drive.getTree('/tree', treeSink(down))
    expect(got).toMatchObject({ files: 3, folders: 2, symlinks: 1, failures: [] })
    for (const name of ['a.bin', 'sub/run.sh', 'sub/grün.txt']) {
      expect(Buffer.compare(await readFile(join(down, name)), await readFile(join(up, name)))).toBe(0)
      expect((await stat(join(down, name))).mode & 0o777).toBe((await stat(join(up, name))).mode & 0o777)
      expect((await fileSource(join(down, name))).mtimeMs).toBe((await fileSource(join(up, name))).mtimeMs)
    }
    expect(await readlink(join(down, 'sub', 'link'))).toBe('../a.bin')
    expect(await readdir(join(down, 'sub', 'empty'))).toEqual([])
    const again = await device.session.drive.putTree(localTree(up, '/tree'))
    expect(again).toMatchObject({ files: 0, folders: 0, symlinks: 0, skipped: 4 })
    await writeFile(join(up, 'sub', 'run.sh'), 'echo changed\n')
    expect(await device.session.drive.putTree(localTree(up, '/tree'))).toMatchObject({ files: 1, skipped: 3 })
    expect(await read('/tree/sub/run.sh')).toBe('echo changed\n')
  })

  it('of 2,500 small files is a handful of requests and commits', async () => {
    let requests = 0
    await using other = await loginDevice(server.url, login, (platform) => ({
      ...platform,
      transport: (url, request) => {
        requests += 1
        return platform.transport(url, request)
      },
    }))
    async function* items(): AsyncGenerator<TreeItem> {
      yield { path: '/many', kind: 'folder', mtimeMs: 0 }
      for (let index = 0; index < 2500; index += 1) {
        yield { path: `/many/file-${index}`, kind: 'file', source: text(`content ${index}`), mtimeMs: index }
      }
    }
    requests = 0
    const events: ProgressEvent[] = []
    const result = await other.session.drive.putTree(items(), { onProgress: (event) => events.push(event) })
    expect(result).toMatchObject({ files: 2500, failures: [] })
    expect(requests).toBeLessThan(15)
    expect(events.at(-1)).toMatchObject({ type: 'progress', files: 2500, totalFiles: 2500, bytes: result.bytes })
    expect(await read('/many/file-2499')).toBe('content 2499')
  })

  it('reports the items that fail and uploads the rest', async () => {
    async function* items(): AsyncGenerator<TreeItem> {
      yield { path: '/part', kind: 'folder', mtimeMs: 0 }
      yield { path: '/part/../x', kind: 'file', source: text('bad'), mtimeMs: 0 }
      yield { path: '/part/ok', kind: 'file', source: text('good'), mtimeMs: 0 }
      yield { path: '/nowhere/file', kind: 'file', source: text('lost'), mtimeMs: 0 }
    }
    const result = await device.session.drive.putTree(items())
    expect(result.files).toBe(1)
    expect(result.failures.map(({ path }) => path)).toEqual(['/part/../x', '/nowhere/file'])
    expect(await read('/part/ok')).toBe('good')
  })
})

describe('verbs', () => {
  it('make folders, with parents only when asked', async () => {
    const { drive } = device.session
    await drive.mkdir('/m')
    await expect(drive.mkdir('/m')).rejects.toMatchObject({ code: 'exists' })
    await expect(drive.mkdir('/m/a/b')).rejects.toMatchObject({ code: 'not_found' })
    await drive.mkdir('/m/a/b', { parents: true })
    await drive.mkdir('/m/a/b', { parents: true })
    expect(await paths('/m')).toEqual(['/m/a', '/m/a/b'])
  })

  it('move, rename and move into folders', async () => {
    const { drive } = device.session
    await drive.mkdir('/mv/into', { parents: true })
    await drive.put(text('one'), '/mv/one')
    expect((await drive.move('/mv/one', '/mv/two')).path).toBe('/mv/two')
    expect((await drive.move('/mv/two', '/mv/into')).path).toBe('/mv/into/two')
    await drive.put(text('other'), '/mv/two')
    await drive.move('/mv/into/two', '/mv/two')
    expect(await read('/mv/two')).toBe('one')
    await expect(drive.move('/mv', '/mv/into')).rejects.toMatchObject({ code: 'usage' })
    await expect(drive.move('/mv/none', '/mv/x')).rejects.toMatchObject({ code: 'not_found' })
    expect(await paths('/mv')).toEqual(['/mv/into', '/mv/two'])
  })

  it('copy without sending any content again', async () => {
    const { drive } = device.session
    await drive.put(bytesSource(new Uint8Array(randomBytes(1_000_000))), '/cp/dir/big', { parents: true })
    await drive.put(text('small'), '/cp/dir/small')
    const before = (await device.session.whoami()).usedBytes
    await drive.copy('/cp/dir', '/cp/twin', { recursive: true })
    expect((await device.session.whoami()).usedBytes).toBe(before)
    expect(await paths('/cp/twin')).toEqual(['/cp/twin/big', '/cp/twin/small'])
    await drive.purge('/cp/dir', { recursive: true })
    expect(await read('/cp/twin/small')).toBe('small')
    await expect(drive.copy('/cp/twin', '/cp/twin/inside', { recursive: true })).rejects.toMatchObject({
      code: 'usage',
    })
    await expect(drive.copy('/cp/twin', '/cp/other')).rejects.toMatchObject({ code: 'is_a_folder' })
  })

  it('trash and purge', async () => {
    const { drive } = device.session
    await drive.put(text('x'), '/rm/a/b', { parents: true })
    await expect(drive.trash('/rm/a')).rejects.toMatchObject({ code: 'is_a_folder' })
    await drive.trash('/rm/a', { recursive: true })
    expect(await paths('/rm')).toEqual([])
    await drive.put(text('x'), '/rm/c')
    await drive.purge('/rm/c')
    await expect(drive.stat('/rm/c')).rejects.toMatchObject({ code: 'not_found' })
    await expect(drive.trash('/', { recursive: true })).rejects.toMatchObject({ code: 'usage' })
  })

  it('keep both, skip or replace', async () => {
    const { drive } = device.session
    await drive.put(text('1'), '/c/a.txt', { parents: true })
    expect(await drive.put(text('2'), '/c/a.txt', { conflict: 'skip' })).toMatchObject({ outcome: 'skipped' })
    expect(await read('/c/a.txt')).toBe('1')
    expect(await drive.put(text('2'), '/c/a.txt', { conflict: 'keep-both' })).toMatchObject({ path: '/c/a (2).txt' })
    expect(await drive.put(text('3'), '/c/a.txt')).toMatchObject({ outcome: 'replaced' })
    expect(await read('/c/a.txt')).toBe('3')
    expect(await drive.put(text('4'), '/c/new', { dryRun: true })).toMatchObject({ outcome: 'created' })
    expect(await paths('/c')).toEqual(['/c/a (2).txt', '/c/a.txt'])
    await expect(drive.put(text('x'), '/c')).rejects.toMatchObject({ code: 'is_a_folder' })
    await expect(drive.put(text('x'), '/c/a.txt/b')).rejects.toMatchObject({ code: 'not_a_folder' })
  })

  it('find a name by either Unicode form, and never make both', async () => {
    const { drive } = device.session
    await drive.put(text('1'), '/u/\u00e9', { parents: true })
    await drive.put(text('2'), '/u/e\u0301')
    expect(await paths('/u')).toEqual(['/u/\u00e9'])
    expect(await read('/u/e\u0301')).toBe('2')
  })
})

describe('a stream of unknown length', () => {
  it.each([0, 1, 8_387_584, 8_387_585, 21_000_000])('of %d bytes comes back as it was', async (size) => {
    const bytes = randomBytes(size)
    async function* chunks() {
      for (let start = 0; start < size; start += 65_521) yield new Uint8Array(bytes.subarray(start, start + 65_521))
    }
    await device.session.drive.put(streamSource(chunks(), 5), `/stream-${size}`)
    const sink = bytesSink()
    const entry = await device.session.drive.get(`/stream-${size}`, sink)
    expect(entry.size).toBe(size)
    expect(Buffer.compare(sink.bytes(), bytes)).toBe(0)
  })
})

describe('a source', () => {
  it('that changes while it is read is read again from the start', async () => {
    const path = join(await newHome(), 'log')
    await writeFile(path, randomBytes(9_000_000))
    const source = await fileSource(path)
    await writeFile(path, 'short now')
    expect(await device.session.drive.put(source, '/changed')).toMatchObject({ size: 9 })
    expect(await read('/changed')).toBe('short now')
    expect((await device.session.drive.stat('/changed')).mtimeMs).toBe((await fileSource(path)).mtimeMs)
  })

  it('that changed before a tree was sent counts as it is now', async () => {
    const folder = await newHome()
    await writeFile(join(folder, 'a'), 'before')
    async function* items(): AsyncGenerator<TreeItem> {
      for await (const item of localTree(folder, '/changed-tree')) {
        if (item.kind === 'file') await writeFile(join(folder, 'a'), 'after that')
        yield item
      }
    }
    expect(await device.session.drive.putTree(items())).toMatchObject({ files: 1, failures: [] })
    expect(await read('/changed-tree/a')).toBe('after that')
  })

  it('that cannot be read again ends the upload, with nothing stored', async () => {
    const source = bytesSource(new Uint8Array(randomBytes(9_000_000)))
    const changing = { ...source, open: async () => ({ ...(await source.open()), isUnchanged: async () => false }) }
    await expect(device.session.drive.put(changing, '/changing')).rejects.toMatchObject({ code: 'source_changed' })
    await expect(device.session.drive.stat('/changing')).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('a call', () => {
  it('ends when it is interrupted, and leaves nothing under the final name', async () => {
    await device.session.drive.put(bytesSource(new Uint8Array(randomBytes(20_000_000))), '/long')
    const home = await newHome()
    const stop = new AbortController()
    const options = { signal: stop.signal, onProgress: () => stop.abort() }
    await expect(device.session.drive.get('/long', fileSink(join(home, 'long')), options)).rejects.toMatchObject({
      code: 'aborted',
    })
    expect((await readdir(home)).filter((name) => name.includes('long') || name.endsWith('.part'))).toEqual([])
    const stopped = AbortSignal.abort()
    await expect(device.session.drive.put(text('x'), '/never', { signal: stopped })).rejects.toMatchObject({
      code: 'aborted',
    })
  })
})
