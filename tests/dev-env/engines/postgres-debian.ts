import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { startEmbeddedPostgres } from '../../../packages/server/src/adapters/database/embedded.ts'
import { freePort } from './free-port.ts'
import { requirePackages } from './install.ts'

const BIN = '/usr/lib/postgresql/15/bin'
const READY_MS = 60_000
const ATTEMPTS = 5
const SELF_SIGNED = [
  ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
  ...['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', 'key.pem', '-out', 'cert.pem'],
]

/** A PostgreSQL that ends with the process that started it, however that ends. */
const GUARD = `
exec 3<&0 </dev/null
"$@" 3<&- & postgres=$!
( read -r line <&3; kill -QUIT $postgres ) 2>/dev/null & guard=$!
exec 3<&-
wait $postgres; code=$?
kill $guard 2>/dev/null
exit $code
`

export interface DebianPostgres {
  /** URL of its administrator, over TCP on 127.0.0.1, for one of its databases; `postgres` unless told. */
  url(database?: string): string
  readonly port: number
  /** Certificate of `tls`. */
  readonly certificate: string
  /** Process id of the postmaster; 0 while it does not run. */
  pid(): number
  /** SIGKILL of the postmaster, as a crash of the machine's database; its children end by themselves. */
  kill9(): Promise<void>
  /** `immediate`: no session is let finish, and the next start recovers from the log. */
  stop(mode?: 'fast' | 'immediate'): Promise<void>
  /** Starts it again, on the same port. */
  start(): Promise<void>
  /** What it has logged. */
  logs(): string
  /** Stops it and removes its data. */
  close(): Promise<void>
}

export interface DebianPostgresOptions {
  /** More settings, as `max_connections=20`. */
  readonly settings?: readonly string[]
  /** Takes TLS, by a certificate for 127.0.0.1 that it signed itself. */
  readonly tls?: boolean
}

interface User {
  readonly uid: number
  readonly gid: number
}

/** Who runs it: PostgreSQL refuses root. */
function postgresUser(): User | null {
  if (process.getuid?.() !== 0) return null
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

/** Starts Debian's PostgreSQL 15 on a fresh cluster in a temporary folder; durable against a kill of its processes. */
export async function startDebianPostgres(options: DebianPostgresOptions = {}): Promise<DebianPostgres> {
  if (!existsSync(`${BIN}/postgres`)) requirePackages('postgres', ['postgresql-15'])
  const user = postgresUser()
  const folder = await mkdtemp(path.join(tmpdir(), 'strongroom-pg15-'))
  const password = randomBytes(16).toString('hex')
  const passwordFile = path.join(folder, 'password')
  await writeFile(passwordFile, password, { mode: 0o600 })
  await chmod(folder, 0o700)
  if (user !== null) {
    await chown(folder, user.uid, user.gid)
    await chown(passwordFile, user.uid, user.gid)
  }
  const data = path.join(folder, 'data')
  const run = { ...user, cwd: folder, stdio: 'pipe' } as const
  const access = ['-U', 'postgres', '-A', 'scram-sha-256', '--pwfile', passwordFile]
  execFileSync(`${BIN}/initdb`, ['-D', data, ...access, '-E', 'UTF8', '--locale', 'C.UTF-8', '--no-sync'], run)
  if (options.tls === true) execFileSync('openssl', SELF_SIGNED, run)
  const log = path.join(folder, 'log')

  let child: ChildProcess | null = null
  let exited: Promise<unknown> = Promise.resolve()
  let port = 0
  const url = (database = 'postgres') => `postgres://postgres:${password}@127.0.0.1:${port}/${database}`
  const logs = () => readFileSync(log, 'utf8')
  const pid = (): number => {
    try {
      return Number(readFileSync(path.join(data, 'postmaster.pid'), 'utf8').split('\n')[0])
    } catch {
      return 0
    }
  }

  const settings = (): string[] => [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    `unix_socket_directories=${folder}`,
    // Reason: what a killed process has written stays with the system; only a machine that loses power needs more.
    'fsync=off',
    'log_min_messages=warning',
    'max_connections=100',
    ...(options.tls === true ? ['ssl=on', `ssl_cert_file=${folder}/cert.pem`, `ssl_key_file=${folder}/key.pem`] : []),
    ...(options.settings ?? []),
  ]

  const spawnAndWait = async (): Promise<boolean> => {
    const out = openSync(log, 'a', 0o600)
    const postgres = [`${BIN}/postgres`, '-D', data, ...settings().flatMap((setting) => ['-c', setting])]
    const started = spawn('/bin/sh', ['-c', GUARD, 'strongroom-postgres', ...postgres], {
      ...user,
      cwd: folder,
      detached: true,
      stdio: ['pipe', out, out],
    })
    closeSync(out)
    started.stdin?.on('error', () => undefined)
    let ended = false
    exited = new Promise<void>((resolve) => {
      started.once('close', () => {
        ended = true
        resolve()
      })
    })
    child = started
    const deadline = Date.now() + READY_MS
    while (!ended && Date.now() < deadline) {
      const client = new pg.Client({ connectionString: url(), connectionTimeoutMillis: 5_000 })
      client.on('error', () => undefined)
      const connected = await client.connect().then(
        () => true,
        () => false,
      )
      await client.end().catch(() => undefined)
      if (connected) return true
      await delay(50)
    }
    started.stdin?.end()
    return false
  }

  const signal = async (name: NodeJS.Signals): Promise<void> => {
    const postmaster = pid()
    if (child === null || postmaster === 0) return
    process.kill(postmaster, name)
    await exited
    child = null
  }

  const start = async (): Promise<void> => {
    // Reason: after a SIGKILL its children need a moment to see it, and until then nobody may open the cluster.
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      if (await spawnAndWait()) return
      await delay(200 * attempt)
    }
    throw new Error(`PostgreSQL did not start: ${logs().slice(-2_000)}`)
  }

  for (let attempt = 1; child === null; attempt += 1) {
    port = await freePort()
    if (await spawnAndWait()) break
    child = null
    if (attempt === ATTEMPTS) throw new Error(`PostgreSQL did not start: ${logs().slice(-2_000)}`)
  }

  return {
    url,
    port,
    certificate: path.join(folder, 'cert.pem'),
    pid: () => (child === null ? 0 : pid()),
    kill9: () => signal('SIGKILL'),
    stop: (mode = 'fast') => signal(mode === 'fast' ? 'SIGINT' : 'SIGQUIT'),
    start,
    logs,
    close: async () => {
      await signal('SIGQUIT')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export interface OwnDatabase extends AsyncDisposable {
  readonly url: string
  close(): Promise<void>
}

/** An empty database of PostgreSQL 15 (Debian's) or 18 (the embedded one), on a server of its own. */
export async function useDatabase(version: '15' | '18'): Promise<OwnDatabase> {
  if (version === '18') {
    const folder = await mkdtemp(path.join(tmpdir(), 'strongroom-pg18-'))
    const postgres = await startEmbeddedPostgres({ dataDir: folder })
    const close = async (): Promise<void> => {
      await postgres.close()
      await rm(folder, { recursive: true, force: true })
    }
    return { url: postgres.url, close, [Symbol.asyncDispose]: close }
  }
  const postgres = await startDebianPostgres()
  const client = new pg.Client({ connectionString: postgres.url() })
  await client.connect()
  await client.query('CREATE DATABASE strongroom TEMPLATE template0')
  await client.end()
  const close = () => postgres.close()
  return { url: postgres.url('strongroom'), close, [Symbol.asyncDispose]: close }
}
