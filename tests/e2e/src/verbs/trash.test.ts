import { describe, expect, it } from 'vitest'
import { expectFailure, useDesk } from '../cli/device.ts'

const desk = useDesk()

interface TrashedJson {
  path: string
  kind: string
  size: number
  items: number
  nodeId: string
  trashedTime: string
}

describe('trash and restore', () => {
  it('list what was removed and bring it back to where it was', async () => {
    await desk.ok('mkdir', '/notes')
    await desk.putText('/notes/a.txt', 'alpha')
    await desk.ok('rm', '/notes/a.txt')
    const [entry] = await desk.json<TrashedJson[]>('trash')
    expect(entry).toMatchObject({ path: '/notes/a.txt', kind: 'file', size: 5, items: 1 })
    expect(await desk.ok('trash')).toMatch(/^[0-9a-f]{32} {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}5 {2}\/notes\/a\.txt\n$/)
    await desk.ok('restore', '/notes/a.txt')
    expect(await desk.readText('/notes/a.txt')).toBe('alpha')
    expect(await desk.json('trash')).toEqual([])
  })

  it('give another name when the old one is taken, by id and by path', async () => {
    await desk.putText('/twice.txt', 'old')
    await desk.ok('rm', '/twice.txt')
    await desk.putText('/twice.txt', 'new')
    const [entry] = await desk.json<TrashedJson[]>('trash')
    const restored = await desk.json<{ items: { path: string }[] }>('restore', entry?.nodeId ?? '')
    expect(restored.items[0]?.path).toBe('/twice (2).txt')
    expect(await desk.readText('/twice.txt')).toBe('new')
    expect(await desk.readText('/twice (2).txt')).toBe('old')
  })

  it('restore a part of a removed folder to a place of its own', async () => {
    await desk.ok('mkdir', '-p', '/project/src')
    await desk.putText('/project/src/main.c', 'int main;')
    await desk.ok('rm', '-r', '/project')
    expect((await desk.json<TrashedJson[]>('trash'))[0]).toMatchObject({ path: '/project', items: 3, size: 9 })
    expectFailure(await desk.run('restore', '/project/src/main.c'), 6, /in the trash too\. Say where to with --to\./)
    await desk.ok('restore', '/project/src/main.c', '--to', '/rescued.c')
    expect(await desk.readText('/rescued.c')).toBe('int main;')
    await desk.ok('restore', '/project', '--to', '/notes')
    expect(await desk.ok('ls', '-r', '/notes/project')).toBe('src/\n')
  })

  it('say what they do not find, and refuse a place that is taken', async () => {
    expectFailure(await desk.run('restore', '/never'), 3, /no such thing in the trash.*strongroom trash/)
    expectFailure(await desk.run('restore', 'abc'), 2, /32 hexadecimal digits/)
    await desk.putText('/x', 'x')
    await desk.ok('rm', '/x')
    expectFailure(await desk.run('restore', '/x', '--to', '/twice.txt'), 6, /already/)
    expectFailure(await desk.run('restore', '/x', '--to', '/no/where'), 3, /no such folder/)
  })

  it('destroy after a yes only, and give the room back', async () => {
    expectFailure(await desk.run('trash', 'empty'), 2, /confirm it with --yes/)
    expect(await desk.ok('trash', 'empty', '--dry-run')).toBe('Would destroy /x\n')
    const young = await desk.json<{ items: number }>('trash', 'empty', '--older-than', '30', '--yes')
    expect(young.items).toBe(0)
    const done = await desk.json<{ items: number; size: number }>('trash', 'empty', '--yes')
    expect(done).toMatchObject({ items: 1, size: 1 })
    expect(await desk.json('trash')).toEqual([])
    expectFailure(await desk.run('restore', '/x'), 3, /no such thing in the trash/)
  })
})

describe('versions', () => {
  it('are listed with size, time and device, can be got and made the newest again', async () => {
    await desk.putText('/plan.md', 'one')
    await desk.putText('/plan.md', 'second')
    await desk.putText('/plan.md', 'third one')
    const list = await desk.json<{ number: number; size: number; current: boolean; versionId: string }[]>(
      'versions',
      '/plan.md',
    )
    expect(list.map(({ number, size, current }) => [number, size, current])).toEqual([
      [3, 9, true],
      [2, 6, false],
      [1, 3, false],
    ])
    expect(await desk.ok('get', '--version', '2', '/plan.md', '-')).toBe('second')
    expect(await desk.ok('get', '--version', list[2]?.versionId ?? '', '/plan.md', '-')).toBe('one')
    await desk.ok('restore', '--version', '1', '/plan.md')
    expect(await desk.readText('/plan.md')).toBe('one')
    expect((await desk.ok('versions', '/plan.md')).split('\n')[0]).toMatch(
      /^4 {2}\S+ \S+ {2}3 {2}.+ {2}\(the newest\)$/,
    )
    expectFailure(
      await desk.run('get', '--version', '9', '/plan.md', 'copy'),
      3,
      /no such version.*strongroom versions/,
    )
    expectFailure(await desk.run('versions', '/notes'), 2, /folder/)
  })
})
