import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pathFilter } from './filters.ts'
import { type LocalItem, walkLocal } from './local-tree.ts'

let top: string
beforeAll(async () => {
  top = await mkdtemp(join(tmpdir(), 'strongroom-tree-'))
  await mkdir(join(top, 'b/empty'), { recursive: true })
  await mkdir(join(top, 'c/deep'), { recursive: true })
  await writeFile(join(top, 'a.txt'), 'abc')
  await writeFile(join(top, 'b/x.jpg'), '')
  await writeFile(join(top, 'c/deep/y.txt'), 'y')
  await symlink('../outside', join(top, 'link'))
  await symlink('.', join(top, 'b/loop'))
  const before1970 = new Date('1965-03-04T05:06:07.250Z')
  await utimes(join(top, 'a.txt'), before1970, before1970)
})
afterAll(() => rm(top, { recursive: true }))

interface WalkInput {
  include?: string[]
  exclude?: string[]
  from?: string
  followTop?: boolean
  onFailure?: (path: string, error: unknown) => void
}

async function walk(input: WalkInput = {}): Promise<LocalItem[]> {
  const { include = [], exclude = [], from = top, followTop = false } = input
  const options = {
    filter: pathFilter(include, exclude),
    emptyFolders: include.length === 0,
    followTop,
    signal: new AbortController().signal,
    onFailure: input.onFailure ?? ((path: string) => expect.unreachable(path)),
  }
  const items: LocalItem[] = []
  for await (const item of walkLocal(from, options)) items.push(item)
  return items
}
const paths = async (input: WalkInput = {}): Promise<string[]> => (await walk(input)).map(({ path }) => path)

test('gives folders before what is in them, by name, and does not follow links', async () => {
  expect(await paths()).toEqual([
    '',
    'a.txt',
    'b',
    'b/empty',
    'b/loop',
    'b/x.jpg',
    'c',
    'c/deep',
    'c/deep/y.txt',
    'link',
  ])
})

test('keeps targets of links, and times before 1970', async () => {
  const items = await walk()
  expect(items.find(({ path }) => path === 'link')).toMatchObject({ kind: 'symlink', target: '../outside' })
  expect(items.find(({ path }) => path === 'a.txt')).toMatchObject({
    kind: 'file',
    size: 3,
    mtimeMs: Date.parse('1965-03-04T05:06:07.250Z'),
  })
})

test('with includes gives only the folders that are needed', async () => {
  expect(await paths({ include: ['*.txt'] })).toEqual(['', 'a.txt', 'c', 'c/deep', 'c/deep/y.txt'])
})

test('does not look into excluded folders', async () => {
  expect(await paths({ exclude: ['b', 'deep'] })).toEqual(['', 'a.txt', 'c', 'link'])
})

test('a link at the top stands for itself, or for its target when followed', async () => {
  const link = join(top, 'b/top')
  await symlink('../a.txt', link)
  expect(await walk({ from: link })).toMatchObject([{ path: '', kind: 'symlink' }])
  expect(await walk({ from: link, followTop: true })).toMatchObject([{ path: '', kind: 'file', size: 3 }])
  await rm(link)
})

test('reports what cannot be stored and goes on', async () => {
  const socket = join(top, 'c/socket')
  const server = createServer().listen(socket)
  await new Promise((resolve) => server.once('listening', resolve))
  const odd = Buffer.concat([Buffer.from(`${top}/c/`), Buffer.from([0xff])])
  await writeFile(odd, '')
  const failed: string[] = []
  try {
    await walk({ onFailure: (path, error) => failed.push(`${path.slice(top.length)}: ${(error as Error).message}`) })
  } finally {
    server.close()
    await rm(odd)
  }
  expect(failed.sort()).toEqual([
    expect.stringMatching(/^\/c\/socket: .*socket, pipe or device/),
    expect.stringMatching(/^\/c\/.*not UTF-8/),
  ])
})
