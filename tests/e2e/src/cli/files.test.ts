import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { expectFailure, useDesk } from './device.ts'

const desk = useDesk()
const MIB = 1024 * 1024

interface EntryJson {
  path: string
  name: string
  kind: string
  size: number
  mtimeMs: number
  mtime: string | null
  mode: number | null
  target: string | null
  nodeId: string
  versionId: string | null
}

describe('put and get', () => {
  it.each([0, 1, 511, 262_112, 262_113, 9 * MIB + 5])('bring back %i bytes, with time and mode', async (size) => {
    const name = `file-${size}`
    const content = randomBytes(size)
    await writeFile(join(desk.folder, name), content, { mode: 0o640 })
    const time = new Date('2001-02-03T04:05:06.789Z')
    await utimes(join(desk.folder, name), time, time)
    await desk.ok('put', name, `/${name}`)
    await desk.ok('get', `/${name}`, `${name}.back`)
    expect((await readFile(join(desk.folder, `${name}.back`))).equals(content)).toBe(true)
    const stats = await stat(join(desk.folder, `${name}.back`))
    expect(Math.round(stats.mtimeMs)).toBe(time.getTime())
    expect(stats.mode & 0o777).toBe(0o640)
  })

  it('keep a time before 1970', async () => {
    await writeFile(join(desk.folder, 'old'), 'old')
    const time = new Date('1965-03-04T05:06:07.250Z')
    await utimes(join(desk.folder, 'old'), time, time)
    await desk.ok('put', 'old', '/old')
    await desk.ok('get', '/old', 'old.back')
    expect(Math.round((await stat(join(desk.folder, 'old.back'))).mtimeMs)).toBe(time.getTime())
  })

  it('go into a folder that exists, under their own name', async () => {
    await desk.ok('mkdir', '/into')
    await writeFile(join(desk.folder, 'a.txt'), 'a')
    await writeFile(join(desk.folder, 'b.txt'), 'b')
    await desk.ok('put', 'a.txt', 'b.txt', '/into')
    await desk.ok('put', 'a.txt', '/into/c.txt')
    expect(await desk.ok('ls', '/into')).toBe('a.txt\nb.txt\nc.txt\n')
    await desk.ok('get', '/into/c.txt')
    expect(await readFile(join(desk.folder, 'c.txt'), 'utf8')).toBe('a')
  })

  it('make a changed file a new version, and say so as JSON', async () => {
    await writeFile(join(desk.folder, 'v'), 'one')
    const item = { path: '/v', nodeId: expect.stringMatching(/^[0-9a-f]{32}$/), size: 3 }
    const first = await desk.json('put', 'v', '/v')
    expect(first).toEqual({ dryRun: false, items: [{ ...item, outcome: 'created' }], failed: [] })
    await writeFile(join(desk.folder, 'v'), 'two')
    expect(await desk.json('put', 'v', '/v')).toMatchObject({ items: [{ ...item, outcome: 'replaced' }] })
    expect(await desk.readText('/v')).toBe('two')
  })

  it('get says as JSON what came where', async () => {
    await desk.putText('/json', 'abc')
    expect(await desk.json('get', '/json', 'json.out')).toEqual({
      dryRun: false,
      items: [{ path: '/json', localPath: 'json.out', outcome: 'done', size: 3 }],
      failed: [],
    })
  })

  it('say nothing with --quiet', async () => {
    await desk.putText('/silent', 'abc')
    const result = await desk.run('get', '-q', '/silent', 'silent.out')
    expect(result).toMatchObject({ code: 0, stderr: '' })
    expect(result.stdout.length).toBe(0)
  })

  it('get never replaces with --conflict skip, and adds a number with keep-both', async () => {
    await desk.putText('/taken.txt', 'remote')
    await writeFile(join(desk.folder, 'taken.txt'), 'local')
    await desk.ok('get', '--conflict', 'skip', '/taken.txt')
    expect(await readFile(join(desk.folder, 'taken.txt'), 'utf8')).toBe('local')
    await desk.ok('get', '--conflict', 'keep-both', '/taken.txt')
    expect(await readFile(join(desk.folder, 'taken (2).txt'), 'utf8')).toBe('remote')
    await desk.ok('get', '/taken.txt')
    expect(await readFile(join(desk.folder, 'taken.txt'), 'utf8')).toBe('remote')
  })

  it('put honours --conflict skip and keep-both', async () => {
    await desk.ok('mkdir', '/modes')
    await desk.putText('/modes/x.txt', 'first')
    await writeFile(join(desk.folder, 'x.txt'), 'second')
    await desk.ok('put', '--conflict', 'skip', 'x.txt', '/modes')
    expect(await desk.readText('/modes/x.txt')).toBe('first')
    await desk.ok('put', '--conflict', 'keep-both', 'x.txt', '/modes')
    expect(await desk.readText('/modes/x.txt')).toBe('first')
    const entries = await desk.json<EntryJson[]>('ls', '/modes')
    expect(entries).toHaveLength(2)
    const other = entries.find(({ path }) => path !== '/modes/x.txt')
    expect(await desk.readText(other?.path ?? '')).toBe('second')
  })

  it('take --jobs and --limit-rate', async () => {
    await writeFile(join(desk.folder, 'slow'), randomBytes(20_000_000))
    const begun = Date.now()
    await desk.ok('put', '--jobs', '2', '--limit-rate', '10M', 'slow', '/slow')
    expect(Date.now() - begun).toBeGreaterThan(1000)
  })
})

describe('pipes', () => {
  it('put - reads stdin to its end, get … - and cat write stdout', async () => {
    const content = randomBytes(3 * MIB + 17)
    await desk.device.ok(['put', '-', '/piped'], { input: content })
    for (const parameters of [
      ['get', '/piped', '-'],
      ['cat', '/piped'],
    ]) {
      const { stdout, stderr } = await desk.device.ok(parameters)
      expect(stdout.equals(content)).toBe(true)
      expect(stderr).toBe('')
    }
  })

  it('put - takes an empty stdin', async () => {
    await desk.putText('/nothing', '')
    expect(await desk.readText('/nothing')).toBe('')
  })

  it('put - needs a name', async () => {
    await desk.ok('mkdir', '/needs-name')
    expectFailure(await desk.run('put', '-', '/needs-name'), 2, /file name/)
    expectFailure(await desk.run('put', '-', '/needs-name/'), 2, /file name/)
  })

  it('cat joins files, and takes a range', async () => {
    await desk.putText('/r1', '0123456789')
    await desk.putText('/r2', 'abc')
    expect(await desk.ok('cat', '/r1', '/r2')).toBe('0123456789abc')
    expect(await desk.ok('cat', '--offset', '3', '--length', '4', '/r1')).toBe('3456')
    expect(await desk.ok('cat', '--offset', '8', '--length', '99', '/r1')).toBe('89')
    expect(await desk.ok('cat', '--length', '0', '/r1')).toBe('')
  })

  it('a range across the border of two parts is exact', async () => {
    const content = randomBytes(17 * MIB)
    await desk.device.ok(['put', '-', '/parts'], { input: content })
    const offset = 32 * 262_112 - 5
    const { stdout } = await desk.device.ok(['cat', '--offset', String(offset), '--length', '10', '/parts'])
    expect(stdout.equals(content.subarray(offset, offset + 10))).toBe(true)
  })

  it('a reader that stops early is no noise', async () => {
    await desk.device.ok(['put', '-', '/big-pipe'], { input: Buffer.alloc(9 * MIB, 'line\n') })
    const env = { ...process.env, STRONGROOM_HOME: desk.device.home, STRONGROOM_SERVER: desk.server.url }
    const bin = new URL('../../../../apps/cli/bin/strongroom.js', import.meta.url).pathname
    const child = spawn('sh', ['-c', `'${process.execPath}' '${bin}' cat /big-pipe | head -n 1`], { env })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    await new Promise((resolve) => child.once('close', resolve))
    expect(output).toBe('line\n')
  })
})

describe('ls and mkdir', () => {
  it('list a folder by name, folders with a slash; -l with size and time', async () => {
    await desk.ok('mkdir', '/list', '/list/sub')
    await desk.putText('/list/file', '12345')
    expect(await desk.ok('ls', '/list')).toBe('file\nsub/\n')
    expect(await desk.ok('ls', '-l', '/list')).toMatch(
      /^- {9} +5 {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}file\nd {9} +0 {2}.* {2}sub\/\n$/,
    )
    expect(await desk.ok('ls', '/list/file')).toBe('file\n')
  })

  it('list recursively, and as JSON', async () => {
    await desk.ok('mkdir', '-p', '/deep/a/b')
    await desk.putText('/deep/a/b/c', 'c')
    expect(await desk.ok('ls', '-r', '/deep')).toBe('a/\na/b/\na/b/c\n')
    const entries = await desk.json<EntryJson[]>('ls', '-r', '/deep')
    expect(entries.map(({ path, kind }) => [path, kind])).toEqual([
      ['/deep/a', 'folder'],
      ['/deep/a/b', 'folder'],
      ['/deep/a/b/c', 'file'],
    ])
    const file = entries[2]
    expect(file).toEqual({
      path: '/deep/a/b/c',
      name: 'c',
      kind: 'file',
      size: 1,
      mtimeMs: expect.any(Number),
      mtime: new Date(file?.mtimeMs ?? 0).toISOString(),
      mode: file?.mode ?? null,
      target: null,
      nodeId: expect.stringMatching(/^[0-9a-f]{32}$/),
      versionId: expect.stringMatching(/^[0-9a-f]{32}$/),
    })
  })

  it('mkdir fails with 6 on what exists and with 3 without a parent, unless -p', async () => {
    await desk.ok('mkdir', '/made')
    expectFailure(await desk.run('mkdir', '/made'), 6, /\/made/)
    expectFailure(await desk.run('mkdir', '/no/such/parent'), 3, /parent/)
    await desk.ok('mkdir', '-p', '/made', '/no/such/parent')
    expect(await desk.json('mkdir', '/made2')).toEqual({ done: [{ path: '/made2' }], failed: [] })
  })
})

describe('mv, cp and rm', () => {
  it('mv renames, and moves into a folder', async () => {
    await desk.ok('mkdir', '/mv')
    await desk.putText('/mv-a', 'a')
    expect(await desk.json('mv', '/mv-a', '/mv-b')).toEqual({
      dryRun: false,
      items: [{ from: '/mv-a', to: '/mv-b' }],
      failed: [],
    })
    await desk.ok('mv', '/mv-b', '/mv')
    expect(await desk.readText('/mv/mv-b')).toBe('a')
    expectFailure(await desk.run('mv', '/mv', '/mv/inside'), 2, /./)
  })

  it('mv and cp honour --conflict, and replace unless told', async () => {
    for (const verb of ['mv', 'cp']) {
      const [from, to] = [`/${verb}-1.txt`, `/${verb}-2.txt`]
      await desk.putText(from, 'one')
      await desk.putText(to, 'two')
      await desk.run(verb, '--conflict', 'skip', from, to)
      expect([await desk.readText(from), await desk.readText(to)]).toEqual(['one', 'two'])
      const kept = await desk.json<{ items: { to: string }[] }>(verb, '--conflict', 'keep-both', from, to)
      expect(await desk.readText(to)).toBe('two')
      expect(await desk.readText(kept.items[0]?.to ?? '')).toBe('one')
      await desk.putText(from, 'three')
      await desk.ok(verb, from, to)
      expect(await desk.readText(to)).toBe('three')
    }
    expectFailure(await desk.run('cat', '/mv-1.txt'), 3, /mv-1/)
  })

  it('mv never replaces a folder', async () => {
    await desk.ok('mkdir', '-p', '/mv-from', '/mv-to/mv-from')
    expectFailure(await desk.run('mv', '/mv-from', '/mv-to'), 6, /mv-from/)
  })

  it('cp shares content: usage stays, and the copy lives on by itself', async () => {
    await desk.device.ok(['put', '-', '/cp-a'], { input: randomBytes(MIB) })
    const used = async () => (await desk.json<{ usedBytes: number }>('whoami')).usedBytes
    const before = await used()
    await desk.ok('cp', '/cp-a', '/cp-b')
    expect(await used()).toBe(before)
    const original = await desk.device.ok(['cat', '/cp-a'])
    await desk.ok('rm', '--permanent', '/cp-a')
    const copy = await desk.device.ok(['cat', '/cp-b'])
    expect(copy.stdout.equals(original.stdout)).toBe(true)
  })

  it('cp and rm take a folder only with -r', async () => {
    await desk.ok('mkdir', '-p', '/tree/x')
    await desk.putText('/tree/x/f', 'f')
    expectFailure(await desk.run('cp', '/tree', '/tree2'), 2, /-r/)
    expectFailure(await desk.run('rm', '/tree'), 2, /-r/)
    await desk.ok('cp', '-r', '/tree', '/tree2')
    expect(await desk.ok('ls', '-r', '/tree2')).toBe('x/\nx/f\n')
    await desk.ok('rm', '-r', '/tree')
    expectFailure(await desk.run('ls', '/tree'), 3, /\/tree/)
    expect(await desk.readText('/tree2/x/f')).toBe('f')
  })

  it('rm --permanent gives the room back', async () => {
    const used = async () => (await desk.json<{ usedBytes: number }>('whoami')).usedBytes
    const before = await used()
    await desk.device.ok(['put', '-', '/gone'], { input: randomBytes(300_000) })
    expect(await used()).toBeGreaterThan(before)
    expect(await desk.json('rm', '--permanent', '/gone')).toMatchObject({ permanent: true, items: [{ path: '/gone' }] })
    expectFailure(await desk.run('cat', '/gone'), 3, /\/gone/)
  })
})

describe('several things of which some fail', () => {
  it('end with 9, a line for each failure, and the rest done', async () => {
    await desk.putText('/some', 'some')
    const result = await desk.run('rm', '--json', '/some', '/missing-1', '/missing-2')
    expect(result.code).toBe(9)
    expect(result.stderr).toMatch(/^strongroom: "\/missing-1": .+\nstrongroom: "\/missing-2": .+\n$/)
    expect(JSON.parse(result.stdout.toString())).toMatchObject({
      items: [{ path: '/some' }],
      failed: [
        { path: '/missing-1', exitCode: 3, message: expect.any(String) },
        { path: '/missing-2', exitCode: 3 },
      ],
    })
  })

  it('that all fail the same way keep that code', async () => {
    expect((await desk.run('rm', '/missing-1', '/missing-2')).code).toBe(3)
  })
})

describe('missing things are 3:', () => {
  it.each([
    ['ls', ['ls', '/none']],
    ['cat', ['cat', '/none']],
    ['get', ['get', '/none', 'none']],
    ['mv', ['mv', '/none', '/other']],
    ['cp', ['cp', '/none', '/other']],
    ['rm', ['rm', '/none']],
    ['put into no folder', ['put', 'anything', '/none/']],
    ['get into no folder', ['get', '/some-file', 'none/']],
  ])('%s', async (_, parameters) => {
    await writeFile(join(desk.folder, 'anything'), 'x')
    expectFailure(await desk.run(...parameters), 3, /none/)
  })
})

describe('--dry-run', () => {
  it('changes nothing anywhere', async () => {
    await desk.ok('mkdir', '/dry')
    await desk.putText('/dry/f', 'f')
    await writeFile(join(desk.folder, 'dry-local'), 'x')
    const before = await desk.ok('--json', 'ls', '-r', '/')
    const localBefore = await readdir(desk.folder, { recursive: true })
    const runs: [string[], RegExp][] = [
      [['put', 'dry-local', '/dry/new'], /^Would put \/dry\/new\n$/],
      [['get', '/dry/f', 'dry-out'], /^Would get \/dry\/f to dry-out\n$/],
      [['get', '-r', '/dry', 'dry-tree'], /^Would get \/dry\/f to dry-tree\/dry\/f\n$/],
      [['mv', '/dry/f', '/dry/g'], /^Would move \/dry\/f to \/dry\/g\n$/],
      [['cp', '/dry/f', '/dry/g'], /^Would copy \/dry\/f to \/dry\/g\n$/],
      [['rm', '-r', '/dry'], /^Would move to the trash \/dry\nWould move to the trash \/dry\/f\n$/],
      [['rm', '-r', '--permanent', '/dry'], /^Would remove for good \/dry\n/],
      [['mkdir', '/dry/h'], /^Would make \/dry\/h\n$/],
    ]
    for (const [parameters, said] of runs) {
      const [verb = '', ...rest] = parameters
      expect(await desk.ok(verb, '--dry-run', ...rest)).toMatch(said)
    }
    expect(await desk.ok('--json', 'ls', '-r', '/')).toBe(before)
    expect(await readdir(desk.folder, { recursive: true })).toEqual(localBefore)
  })
})
