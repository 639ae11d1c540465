import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { bytesSource, freshLogin, registerDevice, type SdkDevice } from './sdk.ts'

let server: DevServer
let device: SdkDevice

beforeAll(async () => {
  server = await startDevServer()
  device = await registerDevice(server.url, freshLogin())
})
afterAll(async () => {
  await device?.[Symbol.asyncDispose]()
  await server?.stop()
})

const names = (folder: string) => device.session.drive.listLocal(folder, { recursive: true }).map(({ path }) => path)
const seq = async () => (await device.session.state()).seq

/** Runs a change and returns how many commits it took. */
async function commitsOf(change: () => Promise<unknown>): Promise<number> {
  const before = await seq()
  await change()
  return (await seq()) - before
}

async function fill(folder: string, files: readonly string[], mtimeMs = 1): Promise<void> {
  async function* items() {
    for (const name of files) {
      yield {
        path: `${folder}/${name}`,
        kind: 'file' as const,
        source: bytesSource(Uint8Array.of(1), mtimeMs),
        mtimeMs,
      }
    }
  }
  await device.session.drive.putTree(items(), { parents: true })
}

describe('many at once', () => {
  it('makes folders with what is missing above them, in one commit, and minds none that is there', async () => {
    const { drive } = device.session
    expect(await commitsOf(() => drive.makeFolders(['/made/a/b', '/made/a', '/made/c']))).toBe(1)
    expect(await commitsOf(() => drive.makeFolders(['/made/c']))).toBe(0)
    expect(names('/made')).toEqual(['/made/a', '/made/a/b', '/made/c'])
    await fill('/made', ['file'])
    await expect(drive.makeFolders(['/made/new', '/made/file/below'])).rejects.toMatchObject({ code: 'not_a_folder' })
    expect(names('/made')).not.toContain('/made/new')
  })

  it('moves in one commit, gives each its own name, and takes along what lies in another', async () => {
    const { drive } = device.session
    await fill('/from/one', ['x.txt', 'y.txt'])
    await fill('/from/two', ['x.txt'])
    await fill('/to', ['x.txt'])
    const moves = [
      { from: '/from/one/x.txt', to: '/to/x.txt' },
      { from: '/from/two/x.txt', to: '/to/x.txt' },
      { from: '/from/one', to: '/to/one' },
      { from: '/from/one/y.txt', to: '/to/y.txt' },
    ]
    let paths: string[] = []
    expect(await commitsOf(async () => (paths = await drive.moveMany(moves, { conflict: 'keep-both' })))).toBe(1)
    expect(paths).toEqual(['/to/one/x.txt', '/to/x (2).txt', '/to/one', '/to/one/y.txt'])
    expect(names('/to')).toEqual(['/to/one', '/to/one/x.txt', '/to/one/y.txt', '/to/x (2).txt', '/to/x.txt'])
  })

  it('swaps names in order, and moves nothing when one of them cannot', async () => {
    const { drive } = device.session
    await fill('/swap', ['a', 'b'])
    const moves = [
      { from: '/swap/a', to: '/swap/c' },
      { from: '/swap/b', to: '/swap/a' },
    ]
    expect(await drive.moveMany(moves)).toEqual(['/swap/c', '/swap/a'])
    const bad = [
      { from: '/swap/a', to: '/swap/d' },
      { from: '/swap/c', to: '/nowhere/c' },
    ]
    await expect(drive.moveMany(bad)).rejects.toMatchObject({ code: 'not_found' })
    await expect(drive.moveMany([{ from: '/swap', to: '/swap/a/swap' }])).rejects.toMatchObject({})
    expect(names('/swap')).toEqual(['/swap/a', '/swap/c'])
  })

  it('copies files and folders beside themselves', async () => {
    const { drive } = device.session
    await fill('/copies/folder', ['in'])
    await fill('/copies', ['f.txt'])
    const both = [
      { from: '/copies/folder', to: '/copies/folder' },
      { from: '/copies/f.txt', to: '/copies/f.txt' },
      { from: '/copies/f.txt', to: '/copies/f.txt' },
    ]
    const paths = await drive.copyMany(both, { conflict: 'keep-both' })
    expect(paths).toEqual(['/copies/folder (2)', '/copies/f (2).txt', '/copies/f (3).txt'])
    expect(names('/copies/folder (2)')).toEqual(['/copies/folder (2)/in'])
  })

  it('trashes in one commit, and brings all back with what was trashed in them', async () => {
    const { drive } = device.session
    await fill('/bin/deep/er', ['1', '2', '3'])
    const before = names('/bin')
    await drive.trashMany(['/bin/deep/er/1'])
    const [early] = await drive.listTrash()
    const two = drive.listLocal('/bin/deep/er')[0]
    expect(await commitsOf(() => drive.trashMany(['/bin/deep/er/2', '/bin/deep', '/bin/deep/er']))).toBe(1)
    expect(names('/bin')).toEqual([])
    const [deep] = await drive.listTrash()
    const ids = [early?.nodeId, two?.nodeId, deep?.nodeId].map(String)
    expect(await commitsOf(() => drive.restoreMany(ids))).toBe(1)
    expect(names('/bin')).toEqual(before)
    await expect(drive.restoreMany([String(early?.nodeId)])).resolves.toMatchObject([{ path: '/bin/deep/er/1' }])
  })

  it('gives restored files other names where theirs are taken, also by each other', async () => {
    const { drive } = device.session
    const ids: string[] = []
    for (let round = 0; round < 2; round += 1) {
      await fill('/same', ['n.txt'])
      await drive.trashMany(['/same/n.txt'])
      ids.push(String((await drive.listTrash())[0]?.nodeId))
    }
    await drive.restoreMany(ids)
    expect(names('/same')).toEqual(['/same/n (2).txt', '/same/n.txt'])
  })

  it('destroys some of the trash and leaves the rest, and what was restored meanwhile', async () => {
    const { drive } = device.session
    await fill('/doomed', ['1', '2', '3'])
    await drive.emptyTrash()
    await drive.trashMany(['/doomed/1', '/doomed/2', '/doomed/3'])
    const idOf = async (path: string) => String((await drive.listTrash()).find((entry) => entry.path === path)?.nodeId)
    const [one, two] = [await idOf('/doomed/1'), await idOf('/doomed/2')]
    await drive.restoreMany([two])
    expect(await drive.emptyTrash({ nodeIds: [one, two] })).toMatchObject({ items: 1 })
    expect((await drive.listTrash()).map(({ path }) => path)).toEqual(['/doomed/3'])
    expect(names('/doomed')).toEqual(['/doomed/2'])
    expect(await drive.emptyTrash({ nodeIds: [] })).toMatchObject({ items: 0 })
  })

  it('are found by any part of their names, as a walk through all of them would', async () => {
    const { drive } = device.session
    await fill('/find/\u00c9t\u00e9', ['a.TXT', 'ab.txt', 'b\na.txt', '\u0130x'])
    const all = drive.listLocal('/', { recursive: true })
    for (const wanted of ['a', 'B', 't', '.txt', 'x', 'e\u0301t', '\u00e9t\u00e9', '(2)', '\n', 'zzz', '\u0130']) {
      const fold = (text: string) => text.normalize('NFC').toLowerCase()
      const expected = all.filter(({ name }) => fold(name).includes(fold(wanted))).map(({ path }) => path)
      expect(
        (await drive.find(wanted)).map(({ path }) => path),
        wanted,
      ).toEqual(expected)
      expect(await drive.find(wanted, { limit: 2 })).toHaveLength(Math.min(2, expected.length))
    }
    await drive.trashMany(['/find'])
    expect(await drive.find('ab.txt', { path: '/' })).toEqual([])
  })

  it('are listed by their times, and by their paths where those are the same', async () => {
    const { drive } = device.session
    await fill('/newest/b', ['old', 'older'], 2_000_000_000_000)
    await fill('/newest/a', ['old'], 2_000_000_000_000)
    await fill('/newest/c', ['newest', 'gone'], 2_000_000_000_001)
    await drive.trash('/newest/c/gone')
    expect(drive.newest(4).map(({ path }) => path)).toEqual([
      '/newest/c/newest',
      ...['/newest/a/old', '/newest/b/old', '/newest/b/older'],
    ])
  })

  it('moves and trashes a thousand in a few commits', async () => {
    const { drive } = device.session
    const files = Array.from({ length: 1_000 }, (_, index) => `${index}`)
    await fill('/lots', files)
    await drive.makeFolders(['/lots-too'])
    const moves = files.map((name) => ({ from: `/lots/${name}`, to: `/lots-too/${name}` }))
    expect(await commitsOf(() => drive.moveMany(moves))).toBeLessThanOrEqual(3)
    expect(await commitsOf(() => drive.trashMany(moves.map(({ to }) => to)))).toBeLessThanOrEqual(3)
    expect(names('/lots-too')).toEqual([])
  })
})
