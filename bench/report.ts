import { execFileSync } from 'node:child_process'
import { cpus, loadavg, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { type Row, ratio, summarise } from './measure.ts'
import { targetOf } from './targets.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const MIB = 1024 * 1024

/** Where and when a run was. */
export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryMiB: number
  readonly platform: string
  readonly node: string
  /** When the run began. */
  readonly date: string
  /** Of this checkout; null where it is none of Git's. */
  readonly commit: string | null
  /** Processes that wanted a core, on the average of the minute before. */
  readonly loadBefore: number
}

export function thisMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown processor',
    cores: cpus().length,
    memoryMiB: Math.round(totalmem() / MIB),
    platform: process.platform,
    node: process.versions.node,
    date: new Date().toISOString(),
    commit: commit(),
    loadBefore: load(),
  }
}

function commit(): string | null {
  try {
    const git = ['rev-parse', '--short=12', 'HEAD']
    return execFileSync('git', git, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return null
  }
}

/** As `Machine.loadBefore`, now. */
export function load(): number {
  return Number((loadavg()[0] ?? 0).toFixed(1))
}

/** In one line. */
export function machineLine({ processor, cores, node, platform, date, commit, loadBefore }: Machine): string {
  const checkout = commit === null ? '' : `, commit ${commit}`
  return `${cores} × ${processor}, Node ${node}, ${platform}; ${date.slice(0, 10)}${checkout}, load before ${loadBefore}`
}

/** A suite that has ended. */
export interface Result {
  readonly title: string
  readonly rows: readonly Row[]
  readonly loadBefore: number
  readonly loadAfter: number
}

export interface Report {
  readonly machine: Machine
  /** Of the peers that were found. */
  readonly peers: Readonly<Record<string, string>>
  readonly size: 'quick' | 'usual' | 'full'
  readonly results: Readonly<Record<string, Result>>
  /** Why, of suites that did not end well. */
  readonly failed: Readonly<Record<string, string>>
  readonly interrupted: boolean
}

/** One JSON document: all that the tables have, and the single samples. */
export function json({ results, ...rest }: Report): string {
  const suites = Object.entries(results).map(([name, { rows, ...suite }]) => {
    const told = rows.map((row) => {
      const { median = null, least = null, most = null } = summarise(row.samples) ?? {}
      const target = rest.size === 'quick' ? null : targetOf(row, rows)
      return { ...row, median, least, most, ratio: ratio(row, rows), target }
    })
    return [name, { ...suite, rows: told }]
  })
  return JSON.stringify({ ...rest, results: Object.fromEntries(suites) }, null, 2)
}

/** One line that says what went wrong: of an error that has causes, the first of them. */
export function reasonOf(error: unknown): string {
  let first = error
  while (first instanceof Error && first.cause !== undefined) first = first.cause
  const message = first instanceof Error ? first.message : String(first)
  const line = message.split('\n').find((each) => each.trim() !== '') ?? 'no message'
  const isFull = /ENOSPC|no space left/i.test(message) || (first as NodeJS.ErrnoException | null)?.code === 'ENOSPC'
  return isFull ? `${line}: the folder for temporary files is full (TMPDIR names another one)` : line
}
