import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, renameSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { systemCode } from '../../system-code.ts'
import { clusterArgument } from './cluster.ts'
import { EmbeddedDatabaseError } from './error.ts'
import type { RunAs } from './files.ts'

/**
 * [Note: Pipe guard] PostgreSQL must never outlive the server that started it, not even a server that was killed
 * without a chance to tidy up. A shell stands between the two and holds the read end of a pipe whose write end only
 * the server has. However the server ends, the pipe ends with it, and the guard asks PostgreSQL for a fast shutdown.
 */
const GUARD = `
exec 3<&0 </dev/null
"$@" 3<&- & postgres=$!
( read -r line <&3; kill -INT $postgres ) 2>/dev/null & guard=$!
exec 3<&-
wait $postgres; code=$?
kill $guard 2>/dev/null
exit $code
`

const STOP_MS = 30_000
const LOG_LIMIT = 4 * 1024 * 1024

const SETTINGS: readonly string[] = [
  'listen_addresses=',
  'unix_socket_directories=../socket',
  'unix_socket_permissions=0700',
  'fsync=on',
  'synchronous_commit=on',
  'full_page_writes=on',
  'max_connections=200',
  // What the blob store keeps free on a full disk is enough for the log.
  'max_wal_size=256MB',
  'min_wal_size=48MB',
  // One node, no replication: less is written.
  'wal_level=minimal',
  'max_wal_senders=0',
  'io_method=sync',
  'jit=off',
  'timezone=UTC',
  'log_timezone=UTC',
  'log_checkpoints=off',
  // Invariant: no value that a user sent stands in a log: neither statements nor the rows that errors quote.
  'log_min_error_statement=panic',
  'log_error_verbosity=terse',
  'log_parameter_max_length_on_error=0',
]

export interface PostgresProcess {
  /** Resolves with the exit code when PostgreSQL has ended. */
  readonly exited: Promise<number | null>
  hasExited(): boolean
  /** Fast shutdown: sessions end, everything is flushed. One that takes too long is cut short; recovery does the rest. */
  stop(): Promise<void>
}

export interface PostgresPaths {
  readonly postgresFolder: string
  readonly cluster: string
  readonly log: string
}

/** Starts PostgreSQL behind its guard; it is ready once `postmasterState` says so. */
export function spawnPostgres(paths: PostgresPaths, postgres: string, runAs: RunAs | null): PostgresProcess {
  try {
    if (statSync(paths.log).size > LOG_LIMIT) renameSync(paths.log, `${paths.log}.1`)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
  }
  const log = openSync(paths.log, 'a', 0o600)
  const args = ['-D', clusterArgument(paths.cluster, runAs), ...SETTINGS.flatMap((setting) => ['-c', setting])]
  const child: ChildProcess = spawn('/bin/sh', ['-c', GUARD, 'strongroom-postgres', postgres, ...args], {
    cwd: paths.cluster,
    ...runAs,
    // Reason: Ctrl-C reaches the whole foreground group, and the server must drain before its database stops.
    detached: true,
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['pipe', log, log],
  })
  closeSync(log)
  child.stdin?.on('error', () => undefined)
  let ended = false
  const exited = new Promise<number | null>((resolve) => {
    const end = (code: number | null) => {
      ended = true
      resolve(code)
    }
    child.once('error', () => end(null))
    child.once('exit', end)
  })
  return {
    exited,
    hasExited: () => ended,
    stop: async () => {
      child.stdin?.end()
      const impatient = setTimeout(() => void quitAtOnce(paths.cluster), STOP_MS)
      await exited
      clearTimeout(impatient)
    },
  }
}

async function quitAtOnce(cluster: string): Promise<void> {
  const state = await postmasterState(cluster)
  if (state !== null) process.kill(state.pid, 'SIGQUIT')
}

export interface PostmasterState {
  readonly pid: number
  readonly ready: boolean
}

/** What PostgreSQL itself says about a running instance on this cluster; null where it says nothing. */
export async function postmasterState(cluster: string): Promise<PostmasterState | null> {
  try {
    const lines = (await readFile(path.join(cluster, 'postmaster.pid'), 'utf8')).split('\n')
    const pid = Number(lines[0])
    return Number.isInteger(pid) && pid > 1 ? { pid, ready: lines[7]?.trim() === 'ready' } : null
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    throw error
  }
}

/** Length of the log in bytes: what is written after it belongs to the next start. */
export function logLength(log: string): number {
  try {
    return statSync(log).size
  } catch {
    return 0
  }
}

/** Why PostgreSQL did not start, from what it logged after `offset`. */
export function startFailure(log: string, offset: number, dataDir: string): EmbeddedDatabaseError {
  let text = ''
  try {
    text = readFileSync(log).subarray(offset).toString('utf8')
  } catch {
    // The log was moved away meanwhile; the general line below says where to look.
  }
  if (/No space left on device|Disk quota exceeded/.test(text)) {
    return new EmbeddedDatabaseError(
      'disk_full',
      `The disk that holds the data folder ${dataDir} is full; free some room and start again.`,
    )
  }
  const fatal = /(?:FATAL|PANIC|ERROR|error while loading shared libraries): .*/.exec(text)?.[0]
  return new EmbeddedDatabaseError(
    'start_failed',
    `The embedded PostgreSQL did not start${fatal === undefined ? '' : ` (${fatal})`}; see ${log}.`,
  )
}
