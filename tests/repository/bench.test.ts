import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { chart } from '../../bench/chart.ts'
import { limitCpu } from '../../bench/limit.ts'
import type { Row } from '../../bench/measure.ts'
import { Failures } from '../../bench/peers/failures.ts'
import { json, reasonOf, thisMachine } from '../../bench/report.ts'
import { checkNames, makeFolder, readSettings } from '../../bench/settings.ts'
import { table } from '../../bench/table.ts'
import { ROOT } from './checkout.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})
function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sr-test-'))
  folders.push(folder)
  return folder
}

describe('what the bench is asked for', () => {
  const suites = new Map<string, readonly string[]>([
    ['encrypt', []],
    ['server', ['racing', 'racing-at-once', 'opens']],
  ])
  const check = (...parameters: string[]) => checkNames(readSettings(parameters), suites)

  it('is refused where there is no such suite, flag or value', () => {
    expect(() => check('toString')).toThrow('There is no suite toString.')
    expect(() => check('encrypt', 'wrong')).toThrow('There is no suite wrong.')
    expect(() => check('--wrong')).toThrow("Unknown option '--wrong'")
    expect(() => check('--charts')).toThrow("'--charts <value>' argument missing")
    expect(() => check('--full', '--quick')).toThrow('exclude each other')
    expect(() => check('--only', '(', 'server')).toThrow('a regular expression')
    expect(() => check('--only', 'racing', 'encrypt')).toThrow('of the suite server')
    expect(() => check('--flames', 'x', 'encrypt')).toThrow('of the suite server')
  })

  it('is tasks by their whole names, and a pattern without a task is refused with the names', () => {
    const { only } = readSettings(['--only', 'racing|opens'])
    expect(['racing', 'racing-at-once', 'opens', 'all opens'].filter((name) => only?.test(name))).toEqual([
      'racing',
      'opens',
    ])
    expect(() => check('--only', 'racing.*')).not.toThrow()
    expect(() => check('--only', 'racin')).toThrow('There are:\n  racing\n  racing-at-once\n  opens')
  })

  it('is a folder that can be made and written to', () => {
    const folder = temporary()
    makeFolder('--charts', join(folder, 'a/b'))
    expect(readdirSync(join(folder, 'a/b'))).toEqual([])
    writeFileSync(join(folder, 'file'), '')
    expect(() => makeFolder('--charts', join(folder, 'file'))).toThrow('--charts: the folder cannot be')
  })

  it.runIf(existsSync('/proc/self'))('ends where a file system makes no folders', () => {
    expect(() => makeFolder('--charts', '/proc/strongroom/charts')).toThrow('--charts: the folder cannot be')
  })
})

const crypt = (by: string, samples: readonly number[]): Row => ({
  task: 'encrypt 1024 MiB',
  by,
  samples,
  unit: 'MiB/s',
})
const ROWS: readonly Row[] = [
  crypt('strongroom', [110, 130, 120]),
  crypt('age, to a public key', [100, 90]),
  crypt('rclone crypt <16 & more>', [40]),
  { ...crypt('typage', []), absent: 'not installed' },
]

describe('what the bench prints', () => {
  it('has medians, spread, ratios, and targets met or missed', () => {
    const lines = table('A title', ROWS, { hasTargets: true }).split('\n')
    const cells = (who: string) =>
      lines.map((line) => line.split('|').map((cell) => cell.trim())).find((row) => row[2]?.startsWith(who))
    expect(cells('strongroom')?.slice(3, 7)).toEqual(['120 MiB/s', '110 – 130', '', ''])
    expect(cells('age')?.slice(3, 7)).toEqual(['95.0 MiB/s', '90.0 – 100', '1.26 ×', '≥ 1.20 ×: met'])
    expect(cells('rclone')?.slice(3, 7)).toEqual(['40.0 MiB/s', '40.0 – 40.0', '3.00 ×', '≥ 5 ×: missed'])
    expect(cells('typage')?.slice(3, 7)).toEqual(['absent: not installed', '', '', ''])
  })

  it('judges nothing by small sizes', () => {
    expect(table('A title', ROWS, { hasTargets: false })).not.toMatch(/met|missed/)
  })

  it('is JSON with the same figures, and says what failed or was cut short', () => {
    const result = { title: 'A title', rows: ROWS, loadBefore: 0.1, loadAfter: 2 }
    const rest = { machine: thisMachine(), peers: { age: '1.1' }, failed: { login: 'why' }, interrupted: true }
    const told = JSON.parse(json({ ...rest, size: 'usual', results: { encrypt: result } }))
    expect(told).toMatchObject({ peers: { age: '1.1' }, failed: { login: 'why' }, interrupted: true })
    expect(told.machine).toMatchObject({ node: process.versions.node, cores: expect.any(Number) })
    expect(Date.parse(told.machine.date)).toBeGreaterThan(0)
    expect(told.results.encrypt).toMatchObject({ loadBefore: 0.1, loadAfter: 2 })
    expect(told.results.encrypt.rows[2]).toMatchObject({ median: 40, least: 40, most: 40, ratio: 3 })
    expect(told.results.encrypt.rows[2].target).toEqual({ text: '≥ 5 ×', isMet: false })
    expect(told.results.encrypt.rows[3]).toMatchObject({ median: null, ratio: null, target: null })
  })

  it('is drawn with a title, and with names that XML has other uses for', () => {
    const drawn = chart('A & B', 'a machine', ROWS)
    expect(drawn).toContain('<title>A &amp; B</title>')
    expect(drawn).toContain('>rclone crypt &lt;16 &amp; more&gt;<')
  })

  it('is drawn with what is better where the unit says so, and no line is wider than the picture', () => {
    const row = (task: string, unit: Row['unit']): Row => ({ task, by: 'strongroom', samples: [1], unit })
    const long = 'a task with a name that is longer '.repeat(4)
    const rows = [
      row('of speed', '/s'),
      row('of time', 'ms'),
      row('of growth', '×'),
      row('of share', '%'),
      row(long, 'ms'),
    ]
    const titles = [...chart('A title', 'a machine', rows).matchAll(/class="task">([^<]*)</g)].map(([, text]) => text)
    expect(titles.slice(0, 4)).toEqual([
      'of speed (more is better)',
      'of time (less is better)',
      'of growth (more is better)',
      'of share',
    ])
    expect(titles.slice(4).join(' ')).toBe(`${long} (less is better)`)
    expect(Math.max(...titles.map((text) => text?.length ?? 0))).toBeLessThan(106)
  })

  it('is one line for an error: its first cause, and where there was no room', () => {
    const error = new Error('outer', { cause: new Error('\nthe reason\nand more') })
    expect(reasonOf(error)).toBe('the reason')
    expect(reasonOf(Object.assign(new Error('initdb'), { code: 'ENOSPC' }))).toContain('temporary files is full')
  })
})

describe('a contender that fails', () => {
  it('is absent with the reason and not asked again, if it is a peer', async () => {
    const failures = new Failures()
    const peer = { by: 'rclone' }
    let asked = 0
    const fail = async () => {
      asked += 1
      throw new Error('no room')
    }
    expect(await failures.among(peer, fail)).toBeUndefined()
    expect(await failures.among(peer, fail)).toBeUndefined()
    expect(asked).toBe(1)
    expect(failures.absent(peer)).toEqual({ absent: 'failed, no room' })
    expect(failures.absent({ by: 'age' })).toEqual({})
    await expect(failures.among({ by: 'strongroom' }, fail)).rejects.toThrow('no room')
  })
})

/** Control groups as plain files, which keep what is written to them; the system's own appear with their folder. */
function groups(version: 1 | 2, files: Record<string, string>, own: readonly string[]) {
  const root = temporary()
  const folder = join(root, version === 2 ? '' : 'cpu', `strongroom-bench-${process.pid}`)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text)
  mkdirSync(folder, { recursive: true })
  for (const name of own) writeFileSync(join(folder, name), '')
  return { root, folder }
}

describe.runIf(existsSync('/proc/self'))('a share of a core', () => {
  const read = (folder: string, name: string) => readFileSync(join(folder, name), 'utf8')

  it('is asked of control groups of version 2, whose controller is handed on first', () => {
    const files = { 'cgroup.controllers': 'cpuset cpu io\n', 'cgroup.subtree_control': 'io\n' }
    const { root, folder } = groups(2, files, ['cpu.max', 'cgroup.procs'])
    const lift = limitCpu(process.pid, 0.15, root)
    expect(read(root, 'cgroup.subtree_control')).toBe('+cpu')
    expect(read(folder, 'cpu.max')).toBe('3000 20000')
    expect(read(folder, 'cgroup.procs')).not.toBe('')
    // Of the system's own files the real ones go with their folder.
    rmSync(folder, { recursive: true })
    expect(lift).toBeTypeOf('function')
    if (typeof lift === 'function') lift()
  })

  it('is refused where version 2 has no such controller', () => {
    const files = { 'cgroup.controllers': 'cpuset io\n', 'cgroup.subtree_control': '\n' }
    const { root } = groups(2, files, [])
    expect(limitCpu(process.pid, 0.15, root)).toBe('no control groups for the CPU')
  })

  it('is asked of control groups of version 1', () => {
    const { root, folder } = groups(1, {}, ['cpu.cfs_period_us', 'cpu.cfs_quota_us', 'cgroup.procs'])
    const lift = limitCpu(process.pid, 0.15, root)
    expect([read(folder, 'cpu.cfs_period_us'), read(folder, 'cpu.cfs_quota_us')]).toEqual(['20000', '3000'])
    rmSync(folder, { recursive: true })
    if (typeof lift === 'function') lift()
  })

  it('leaves no group where there is none for the CPU', () => {
    expect(limitCpu(process.pid, 0.15, temporary())).toBe('no control groups for the CPU')
  })
})

const PROGRAM = `
  import { spawn } from 'node:child_process'
  import { writeFileSync } from 'node:fs'
  import { join } from 'node:path'
  import { cleanAtEnd, undoAtEnd } from './bench/ending.ts'
  cleanAtEnd(() => console.log('interrupted'))
  undoAtEnd(() => console.log('undone first'))
  undoAtEnd(() => { throw new Error('this one fails') })
  undoAtEnd(() => {
    console.log('undone last')
    // Room for the second signal.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
  })
  writeFileSync(join(process.env.TMPDIR, 'file'), '')
  const { pid } = spawn('sleep', ['600'])
  console.log(process.env.TMPDIR, pid)
  setInterval(() => undefined, 1_000)
`

describe.runIf(existsSync('/proc/self'))('an end by a signal', () => {
  it('ends what was started and removes what was made, told twice as well, whatever of it fails', async () => {
    const flags = ['--import', 'tsx', '--input-type=module', '-e', PROGRAM]
    const run = spawn(process.execPath, flags, { cwd: ROOT, env: { ...process.env, TMPDIR: temporary() } })
    let [printed, complaints] = ['', '']
    run.stdout.on('data', (text: Buffer) => {
      const isReady = printed === ''
      printed += text.toString('utf8')
      if (isReady || text.includes('undone last')) run.kill('SIGTERM')
    })
    run.stderr.on('data', (text: Buffer) => {
      complaints += text.toString('utf8')
    })
    const code = await new Promise((done) => run.once('close', done))
    const [first = '', ...others] = printed.trim().split('\n')
    const [folder = '', pid = ''] = first.split(' ')
    expect(others).toEqual(['interrupted', 'undone last', 'undone first'])
    expect(complaints).toContain('Not cleaned up: this one fails')
    expect(code).toBe(128 + 15)
    expect(folder).toContain('sr-bench-')
    expect(existsSync(folder)).toBe(false)
    await expect.poll(() => existsSync(`/proc/${pid}`)).toBe(false)
  })

  it('reaches what npm has started, of which npm tells only its shell', async () => {
    const folder = temporary()
    const own = () => readdirSync(folder).filter((name) => name.startsWith('sr-bench-'))
    const run = spawn('npm', ['run', '--silent', 'bench', '--', 'start', '--quick'], {
      cwd: ROOT,
      env: { ...process.env, TMPDIR: folder },
      stdio: 'ignore',
    })
    await expect.poll(own, { timeout: 120_000 }).toHaveLength(1)
    run.kill('SIGTERM')
    await expect.poll(own).toHaveLength(0)
  })
})
