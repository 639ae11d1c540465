import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TreeItem } from '@strongroom/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pathFilter } from './filters.ts'
import { uploadItems } from './upload-items.ts'

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
  to?: string
  recursive?: boolean
  onFailure?: (path: string, error: unknown) => void
}

async function walk(input: WalkInput = {}): Promise<TreeItem[]> {
  const { include = [], exclude = [], from = top, to = '/t', recursive = true } = input
  const options = {
    filter: pathFilter(include, exclude),
    emptyFolders: include.length === 0,
    recursive,
    onFailure: input.onFailure ?? ((path: string) => expect.unreachable(path)),
  }
  const items: TreeItem[] = []
  for await (const item of uploadItems([{ localPath: from, remotePath: to }], options)) items.push(item)
  return items
}
const paths = async (input: WalkInput = {}): Promise<string[]> => (await walk(input)).map(({ path }) => path)

test('gives folders before what is in them, and does not follow links', async () => {
  const all = [
    '/t',
    '/t/a.txt',
    '/t/b',
    '/t/b/empty',
    '/t/b/loop',
    '/t/b/x.jpg',
    '/t/c',
    '/t/c/deep',
    '/t/c/deep/y.txt',
    '/t/link',
  ]
  expect(await paths()).toEqual(all)
})

test('into the root, the root itself is left out', async () => {
  expect(await paths({ to: '/', exclude: ['b', 'c'] })).toEqual(['/a.txt', '/link'])
})

test('keeps targets of links, and times before 1970', async () => {
  const items = await walk()
  expect(items.find(({ path }) => path === '/t/link')).toMatchObject({ kind: 'symlink', target: '../outside' })
  expect(items.find(({ path }) => path === '/t/a.txt')).toMatchObject({
    kind: 'file',
    mtimeMs: Date.parse('1965-03-04T05:06:07.250Z'),
  })
})

test('with includes gives only the folders that are needed', async () => {
  const wanted = ['/t', '/t/a.txt', '/t/c', '/t/c/deep', '/t/c/deep/y.txt']
  expect(await paths({ include: ['*.txt'] })).toEqual(wanted)
  expect(await paths({ include: ['*.none'] })).toEqual([])
})

test('does not look into excluded folders', async () => {
  expect(await paths({ exclude: ['b', 'deep'] })).toEqual(['/t', '/t/a.txt', '/t/c', '/t/link'])
})

test('a link that is named stands for itself with -r, else for its target', async () => {
  const link = join(top, 'b/top')
  await symlink('../a.txt', link)
  expect(await walk({ from: link })).toMatchObject([{ path: '/t', kind: 'symlink', target: '../a.txt' }])
  expect(await walk({ from: link, recursive: false })).toMatchObject([{ path: '/t', kind: 'file' }])
  await rm(link)
})

test('reports what cannot be stored and goes on', async () => {
  const socket = join(top, 'c/socket')
  const server = createServer().listen(socket)
  await new Promise((resolve) => server.once('listening', resolve))
  const odd = Buffer.concat([Buffer.from(`${top}/c/`), Buffer.from([0xff])])
  await writeFile(odd, '')
  const failed: string[] = []
  let found: string[] = []
  try {
    found = await paths({ onFailure: (path) => failed.push(path.slice(top.length)) })
  } finally {
    server.close()
    await rm(odd)
  }
  expect(failed).toHaveLength(2)
  expect(failed).toContain('/c/socket')
  expect(found).toContain('/t/c/deep/y.txt')
  expect(found).toContain('/t/link')
})
