import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CliDevice } from '../../../dev-env/cli.ts'
import { openDatabase } from '../../../dev-env/database.ts'
import { useDesk } from '../cli/device.ts'

const desk = useDesk()
const ALL = ['keys', 'rotate', '--dek', '--older-than', '0min'] as const

interface Due {
  due: { contents: number; bytes: number }
  total: { contents: number; bytes: number }
}

interface Rotated {
  contents: number
  bytes: number
  skipped: number
  failed: unknown[]
}

describe('keys rotate --dek', () => {
  it('gives small, single-part and large contents new keys, and keeps ids, history and times', async () => {
    const large = randomBytes(20_000_000)
    const middle = randomBytes(1_000_000)
    await writeFile(join(desk.folder, 'large.bin'), large)
    await writeFile(join(desk.folder, 'middle.bin'), middle)
    await desk.ok('put', 'large.bin', 'middle.bin', '/')
    await desk.putText('/small.txt', 'first')
    await desk.putText('/small.txt', 'second')
    await desk.putText('/empty', '')
    await desk.ok('cp', '/middle.bin', '/copy.bin')
    await desk.putText('/gone.txt', 'in the trash')
    await desk.ok('rm', '/gone.txt')
    const before = await desk.ok('--json', 'ls', '-r', '/')
    const versions = await desk.ok('--json', 'versions', '/small.txt')
    const due = await desk.json<Due>('keys', 'status', '--older-than', '0min')
    expect(due.due).toEqual(due.total)
    expect(due.total.contents).toBe(6)
    const pool = openDatabase(desk.server)
    const live = await pool.query<{ id: Buffer }>(`SELECT id FROM blobs WHERE state = 'live'`)
    const rotated = await desk.json<Rotated>(...ALL)
    expect(rotated).toEqual({ contents: 6, bytes: due.total.bytes, skipped: 0, failed: [] })
    expect(await desk.ok('--json', 'ls', '-r', '/')).toBe(before)
    expect(await desk.ok('--json', 'versions', '/small.txt')).toBe(versions)
    await desk.ok('get', '/large.bin', 'large.back')
    await desk.ok('get', '/copy.bin', 'copy.back')
    expect(Buffer.compare(await readFile(join(desk.folder, 'large.back')), large)).toBe(0)
    expect(Buffer.compare(await readFile(join(desk.folder, 'copy.back')), middle)).toBe(0)
    await desk.ok('get', '--version', '1', '/small.txt', 'small.back')
    expect(await readFile(join(desk.folder, 'small.back'), 'utf8')).toBe('first')
    await desk.ok('restore', '/gone.txt')
    expect(await desk.readText('/gone.txt')).toBe('in the trash')
    // None of the old blobs is referred to any more.
    const ids = live.rows.map((row) => row.id)
    const old = await pool.query<{ state: string }>('SELECT state FROM blobs WHERE id = ANY($1)', [ids])
    await pool.end()
    expect(new Set(old.rows.map((row) => row.state))).toEqual(new Set(['condemned']))
  })

  it('has nothing to do when nothing is due, and again when all was done', async () => {
    expect((await desk.json<Rotated>('keys', 'rotate')).contents).toBe(0)
    const status = await desk.json<Due & { policyDays: number }>('keys', 'status')
    expect([status.due.contents, status.policyDays]).toEqual([0, 365])
  })

  it('by two devices at once gives every content one new key and loses none', async () => {
    await using other = await CliDevice.create(desk.server.url, desk.device.password)
    await other.login('tester@example.org')
    const results = await Promise.all([desk.run(...ALL), other.run([...ALL])])
    expect(results.map((result) => result.code)).toEqual([0, 0])
    expect(await desk.readText('/small.txt')).toBe('second')
    expect((await other.ok(['cat', '/gone.txt'])).stdout.toString()).toBe('in the trash')
  })

  it('obeys the policy of the account', async () => {
    expect(await desk.ok('keys', 'policy', '--contents', '30')).toBe('contents  new keys after 30 days\n')
    expect((await desk.json<{ policyDays: number }>('keys', 'status')).policyDays).toBe(30)
    expect(await desk.ok('keys', 'policy', '--contents', 'never')).toBe('contents  keep their keys\n')
    expect(await desk.ok('keys', 'rotate', '--dry-run')).toBe('Would give new keys to 0 contents (0 B)\n')
    await desk.ok('keys', 'policy', '--contents', '365')
  })

  it.each([
    [['keys', 'rotate', '--dek', '--epoch'], /One kind of key at a time/],
    [['keys', 'rotate', '--epoch', '--older-than', '1d'], /--older-than goes with --dek/],
    [['keys', 'rotate', '--older-than', 'soon'], /--older-than takes/],
    [['keys', 'policy', '--contents', '0'], /whole number/],
  ] as const)('refuses %j', async (parameters, line) => {
    const result = await desk.run(...parameters)
    expect(result.code).toBe(2)
    expect(result.stderr).toMatch(line)
  })
})
