import { open, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice } from '../../../dev-env/cli.ts'
import { writeCorpus } from './corpus-tree.ts'
import { CountingProxy } from './counting-proxy.ts'
import { disposables, readTree, type TreeEntry, temporaryFolder } from './files.ts'
import { bytesFrom } from './seeded-bytes.ts'
import { ServerProcess } from './server-process.ts'

const MIB = 1024 * 1024
const soak = process.env.STRONGROOM_SOAK === '1'
const bigMib = Number(process.env.STRONGROOM_BIG_MIB ?? (soak ? 2048 : 300))
const bigSize = bigMib * MIB + 17
const smallFiles = 1_000
const MINUTES = soak ? 30 : 5

interface Listed {
  path: string
  kind: string
  size: number
  mtimeMs: number
}

describe(`a folder with everything hard about files (largest ${bigMib} MiB)`, () => {
  const stack = disposables()
  let proxy: CountingProxy
  let first: CliDevice
  let second: CliDevice
  let folder = ''
  let source: TreeEntry[] = []

  beforeAll(async () => {
    folder = stack.use(await temporaryFolder()).path
    proxy = stack.use(await CountingProxy.start())
    const server = stack.use(await ServerProcess.start({ env: { PUBLIC_URL: proxy.url } }))
    proxy.forwardTo(server.url)
    first = stack.use(await CliDevice.create(proxy.url))
    second = stack.use(await CliDevice.create(proxy.url))
    await writeCorpus(join(folder, 'corpus'), { bigSize, smallFiles })
    source = await readTree(join(folder, 'corpus'))
    await first.register('corpus@example.org')
  }, MINUTES * 60_000)

  afterAll(() => stack.dispose())

  it('is put by one device', { timeout: MINUTES * 60_000 }, async () => {
    proxy.take()
    const put = await first.run(['put', '-r', '--quiet', join(folder, 'corpus'), '/'])
    expect(put.stderr).toBe('')
    expect(put.code).toBe(0)
    const commits = proxy.take('POST', /\/commits$/)
    expect(commits.length).toBeGreaterThan(0)
    expect(commits.length, 'small files share commits').toBeLessThan(60)
  })

  it('is listed by another device, name for name and time for time', async () => {
    await second.login('corpus@example.org')
    const listing = await second.ok(['ls', '-r', '--json', '/corpus'])
    const listed = listedEntries(JSON.parse(listing.stdout.toString('utf8')))
      .map(({ path, kind, size, mtimeMs }) => ({
        path: path.replace(/^\/corpus\//, ''),
        kind,
        size,
        mtimeMs: kind === 'file' ? mtimeMs : 0,
      }))
      .filter((entry) => entry.path !== '/corpus')
      .sort((a, b) => (a.path < b.path ? -1 : 1))
    const expected = source.map(({ path, kind, size, mtimeMs }) => ({
      path,
      kind,
      size,
      mtimeMs,
    }))
    expect(listed).toEqual(expected)
  })

  it('comes down on that device byte for byte, with times, modes and links', {
    timeout: MINUTES * 60_000,
  }, async () => {
    const target = join(folder, 'down')
    const get = await second.run(['get', '-r', '--quiet', '/corpus', target])
    expect(get.stderr).toBe('')
    expect(get.code).toBe(0)
    const received = await readTree(join(target, 'corpus'))
    expect(received).toEqual(source)
    await rm(target, { recursive: true })
  })

  it('is read from inside the big file', async () => {
    const file = await open(join(folder, 'corpus/big/sparse.bin'))
    try {
      for (const [offset, length] of [
        [0, 1],
        [8 * MIB - 40_000, 80_000],
        [Math.floor(bigSize / 2) - 35_000, 70_000],
        [bigSize - 1_000, 1_000],
        [bigSize - 10, 500],
      ] as const) {
        proxy.take()
        const part = await second.ok([
          'cat',
          '--offset',
          `${offset}`,
          '--length',
          `${length}`,
          '/corpus/big/sparse.bin',
        ])
        const expected = Buffer.alloc(Math.min(length, bigSize - offset))
        await file.read(expected, 0, expected.length, offset)
        expect(part.stdout.equals(expected), `${offset} ${length}`).toBe(true)
        expect(proxy.take('GET', /^\/v1\/store\//).length, 'whole parts, and only those that are needed').toBeLessThan(
          4,
        )
      }
    } finally {
      await file.close()
    }
  })

  it('transfers nothing when it is put again', async () => {
    proxy.take()
    const again = await first.run(['put', '-r', '--quiet', join(folder, 'corpus'), '/'])
    expect(again.stderr).toBe('')
    expect(again.code).toBe(0)
    const passed = proxy.take()
    expect(passed.filter((entry) => entry.method !== 'GET')).toEqual([])
    expect(passed.length).toBeLessThan(10)
  })

  it('transfers one file when one has changed', async () => {
    const path = join(folder, 'corpus/many/file 7')
    await writeFile(path, 'changed')
    await utimes(path, 1_234_567, 1_234_567)
    proxy.take()
    await first.ok(['put', '-r', '--quiet', join(folder, 'corpus'), '/'])
    const passed = proxy.take()
    expect(passed.filter((entry) => entry.method === 'POST' && /\/commits$/.test(entry.path))).toHaveLength(1)
    expect(passed.reduce((sum, entry) => sum + entry.sent, 0)).toBeLessThan(16 * 1024)
    const read = await second.ok(['cat', '/corpus/many/file 7'])
    expect(read.stdout.toString('utf8')).toBe('changed')
  })

  it.each([0, 5, 262_112, 9 * MIB + 3])('passes %i bytes through pipes', async (length) => {
    const bytes = bytesFrom(length + 7, length)
    await first.ok(['put', '--quiet', '-', `/piped ${length}`], { input: bytes })
    const read = await second.ok(['get', '--quiet', `/piped ${length}`, '-'])
    expect(read.stderr).toBe('')
    expect(read.stdout.equals(Buffer.from(bytes))).toBe(true)
  })

  it('takes names with leading dashes after --', async () => {
    await writeFile(join(folder, '-dash'), 'dash')
    await first.ok(['put', '--quiet', '--', '-dash', '/-dash'], { cwd: folder })
    const read = await second.ok(['cat', '--', '/-dash'])
    expect(read.stdout.toString('utf8')).toBe('dash')
  })
})

/** Entries of `ls --json`, which is a list or holds one. */
function listedEntries(document: unknown): Listed[] {
  if (Array.isArray(document)) return document as Listed[]
  const lists = Object.values(document as Record<string, unknown>).filter((value) => Array.isArray(value))
  return (lists[0] ?? []) as Listed[]
}
