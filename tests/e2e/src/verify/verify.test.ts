import type { ChildProcess } from 'node:child_process'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDatabase } from '../../../dev-env/database.ts'
import { storedObjects } from '../../../dev-env/stored-objects.ts'
import { expectFailure, useDesk } from '../cli/device.ts'

const PART_SIZE = 8 * 1024 * 1024

const desk = useDesk()
let pool: pg.Pool
/** Blob of each file, by its path. */
const blobs = new Map<string, string>()

interface Result {
  contents: number
  bytes: number
  resumed: number
  findings: { kind: string; path: string | null; version: number; current: boolean; trashed: boolean; part: number }[]
}

const blobOf = (path: string) => blobs.get(path) ?? ''

/** Puts a file and learns which blob it became. */
async function put(path: string, content: Uint8Array | string): Promise<void> {
  await writeFile(join(desk.folder, 'source'), content)
  await desk.ok('put', '-q', '--conflict', 'replace', join(desk.folder, 'source'), path)
  const newest = await pool.query<{ id: Buffer }>('SELECT id FROM blobs')
  const known = [...blobs.values(), ...old]
  const id = newest.rows.map((row) => row.id.toString('hex')).find((each) => !known.includes(each)) ?? ''
  const before = blobs.get(path)
  if (before !== undefined) old.push(before)
  blobs.set(path, id)
}
const old: string[] = []
/** Attempts at being killed. */
let killed = 0

/** Breaks something, verifies, and mends it. */
async function broken(path: string, change: (bytes: Buffer) => Buffer | null, ...flags: string[]) {
  const mend = await storedObjects(desk.server).change(blobOf(path), change)
  try {
    const result = await desk.run('verify', '--json', ...flags)
    return { code: result.code, stderr: result.stderr, ...(JSON.parse(result.stdout.toString()) as Result) }
  } finally {
    await mend()
  }
}

const flip = (at: number) => (bytes: Buffer) => {
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
  return bytes
}

beforeAll(async () => {
  pool = openDatabase(desk.server)
  await put('/small', 'one')
  await put('/small', 'the second version')
  await put('/empty', '')
  await put('/other', 'as long as that')
  await put('/another', 'as long as this')
  // Its second part is padding and nothing else.
  await put('/padded', Buffer.alloc(8_387_584, 7))
  await put('/trashed', 'in the trash')
  await desk.ok('rm', '/trashed')
})
afterAll(() => pool.end())

describe('verify', () => {
  it('finds everything as it was signed, of all versions and of the trash', async () => {
    for (const flags of [[], ['--decrypt'], ['--jobs', '1'], ['--restart']]) {
      const result = await desk.json<Result>('verify', ...flags)
      expect(result).toMatchObject({ contents: 7, resumed: 0, findings: [] })
    }
    expect(await desk.json<Result>('verify', '/padded')).toMatchObject({ contents: 1, findings: [] })
    expect(await desk.json<Result>('verify', '/')).toMatchObject({ contents: 6, findings: [] })
    expect(await desk.json<Result>('verify', '--sample', '50%')).toMatchObject({ contents: 4, findings: [] })
    expectFailure(await desk.run('verify', '/nothing'), 3, /no such file/)
    for (const share of ['0', '101%', 'half', '-1']) {
      expectFailure(await desk.run('verify', `--sample=${share}`), 2, /--sample takes/)
    }
  })

  it('names files whose objects are gone, cut, changed in one bit, or those of other files', async () => {
    const found = async (path: string, change: (bytes: Buffer) => Buffer | null, ...flags: string[]) => {
      const { code, findings, contents } = await broken(path, change, ...flags)
      return [code, contents, findings.map(({ kind, path: name, part }) => [kind, name, part])]
    }
    expect(await found('/other', () => null)).toEqual([5, 6, [['damaged', '/other', null]]])
    expect(await found('/other', (bytes) => bytes.subarray(0, 100))).toEqual([5, 6, [['damaged', '/other', null]]])
    for (const flags of [[], ['--decrypt']]) {
      expect(await found('/other', flip(200), ...flags)).toEqual([5, 6, [['damaged', '/other', 0]]])
      expect(await found('/empty', flip(20), ...flags)).toEqual([5, 6, [['damaged', '/empty', 0]]])
    }
    const foreign = await storedObjects(desk.server).read(blobOf('/another'))
    expect(await found('/other', () => foreign)).toEqual([5, 6, [['damaged', '/other', 0]]])
    expect(await found('/padded', flip(PART_SIZE + 1000))).toEqual([5, 6, [['damaged', '/padded', 1]]])
  })

  it('says which version it is, and that it is in the trash, in a line each', async () => {
    const objects = storedObjects(desk.server)
    const undo = [await objects.change(old[0] ?? '', flip(50)), await objects.change(blobOf('/trashed'), flip(50))]
    const result = await desk.run('verify')
    for (const mend of undo) await mend()
    expect(result.code).toBe(5)
    const lines = result.stdout.toString().trim().split('\n').sort()
    expect(lines).toEqual([
      '/small (version 1, part 0): is not what was signed',
      '/trashed (in the trash, part 0): is not what was signed',
    ])
    expect(result.stderr).toMatch(/2 files damaged.*nothing was changed/)
  })

  it('takes no other list of digests than the signed one, and tells a blob that the server denies', async () => {
    const id = Buffer.from(blobOf('/other'), 'hex')
    await pool.query('UPDATE blobs SET digests = set_byte(digests, 3, get_byte(digests, 3) # 1) WHERE id = $1', [id])
    const otherDigests = await desk.run('verify')
    await pool.query('UPDATE blobs SET digests = set_byte(digests, 3, get_byte(digests, 3) # 1) WHERE id = $1', [id])
    expect(otherDigests).toMatchObject({ code: 5 })
    await pool.query("UPDATE blobs SET state = 'deleted' WHERE id = $1", [id])
    const denied = await desk.run('verify', '--json')
    await pool.query("UPDATE blobs SET state = 'live' WHERE id = $1", [id])
    expect([denied.code, (JSON.parse(denied.stdout.toString()) as Result).findings]).toEqual([
      5,
      [expect.objectContaining({ kind: 'missing', path: '/other' })],
    ])
    await desk.ok('verify')
  })

  it('goes on where it was killed, and begins anew when told so', async () => {
    killed += 1
    const name = `many-${killed}`
    const many = join(desk.folder, name)
    await mkdir(many)
    for (let each = 0; each < 60; each += 1) await writeFile(join(many, `file-${each}`), `content ${each}`)
    await desk.ok('put', '-q', '-r', many, '/')
    expect(await desk.json('verify', '--restart')).toMatchObject({ contents: 7 + killed * 60, resumed: 0 })
    let child: ChildProcess | undefined
    const earlier = await journals()
    const running = desk.device.run(['verify', `/${name}`, '--limit-rate', '2k', '-j', '1'], {
      onSpawn: (spawned) => {
        child = spawned
      },
    })
    const isWritten = async () => (await journals()).some((each) => !earlier.includes(each))
    await expect.poll(isWritten, { timeout: 120_000, interval: 20 }).toBe(true)
    child?.kill('SIGKILL')
    expect((await running).code).toBeNull()
    const rest = await desk.json<Result>('verify', `/${name}`)
    expect(rest).toMatchObject({ contents: 60, findings: [] })
    expect(rest.resumed).toBeGreaterThan(0)
    expect(await desk.json<Result>('verify', `/${name}`)).toMatchObject({ contents: 60, resumed: 0 })
  })

  it('ends with 7 where nobody answers', async () => {
    await desk.server.kill9()
    expect((await desk.run('verify')).code).toBe(7)
  })
})

/** Records of transfers on the device. */
async function journals(): Promise<string[]> {
  const names = await readdir(desk.device.home, { recursive: true })
  return names.filter((name) => /transfers\/[0-9a-f]{32}$/.test(name))
}
