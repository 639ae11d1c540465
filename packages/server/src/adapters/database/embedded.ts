import { chmod, mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { prepareBinaries } from './embedded/binaries.ts'
import { DATABASE_NAME, isAlive, prepareCluster } from './embedded/cluster.ts'
import { EmbeddedDatabaseError, explainFileError } from './embedded/error.ts'
import { makeOwnedFolder } from './embedded/files.ts'
import {
  logLength,
  type PostgresPaths,
  type PostgresProcess,
  postmasterState,
  spawnPostgres,
  startFailure,
} from './embedded/process.ts'
import { chooseRunAs, ownUserName } from './embedded/run-as.ts'

/** Arbitrary and fixed: the advisory lock that a server holds as long as it works on a data folder. */
const OWNER_LOCK = 0x5354524f
/** Longest path of a socket: 104 bytes with the closing zero on macOS, 108 on Linux. */
const SOCKET_PATH_LIMIT = 103
const READY_MS = 60_000
const ORPHAN_MS = 5_000

export interface EmbeddedPostgres {
  /** For `pg.Pool`. */
  readonly connection: { host: string; port: number; user: string; database: string }
  /** The same as an URL. */
  readonly url: string
  /** Resolves if PostgreSQL ends without having been asked to. */
  readonly ended: Promise<void>
  close(): Promise<void>
}

async function socketHost(socketFolder: string): Promise<{ host: string; remove(): Promise<void> }> {
  if (Buffer.byteLength(path.join(socketFolder, '.s.PGSQL.5432')) <= SOCKET_PATH_LIMIT) {
    return { host: socketFolder, remove: async () => undefined }
  }
  // Reason: the path of a socket has a limit, a link on the way to it does not.
  const base = Buffer.byteLength(tmpdir()) < 60 ? tmpdir() : '/tmp'
  const folder = await mkdtemp(path.join(base, 'strongroom-'))
  const host = path.join(folder, 's')
  await symlink(socketFolder, host)
  return { host, remove: () => rm(folder, { recursive: true, force: true }) }
}

interface Attempt {
  readonly dataDir: string
  readonly paths: PostgresPaths
  readonly host: string
}

async function connect(host: string, database: string): Promise<pg.Client> {
  const client = new pg.Client({ host, port: 5432, user: DATABASE_NAME, database, connectionTimeoutMillis: 10_000 })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

/** A session that holds the owner lock, or null where another server holds it. */
async function takeOwnership(host: string): Promise<pg.Client | null> {
  const client = await connect(host, 'postgres')
  const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [OWNER_LOCK])
  if (rows[0]?.taken === true) return client
  await client.end()
  return null
}

function inUse(dataDir: string): EmbeddedDatabaseError {
  return new EmbeddedDatabaseError(
    'data_folder_in_use',
    `Another Strongroom server is running on the data folder ${dataDir}; stop it first, or name another by STRONGROOM_DATA.`,
  )
}

/**
 * Waits for a PostgreSQL found running on the cluster to end. One that belongs to a living server is refused; one
 * whose server is gone ends by itself through its guard, or is told to if the guard is gone too.
 */
async function clearOrphan({ dataDir, paths, host }: Attempt): Promise<void> {
  const deadline = Date.now() + ORPHAN_MS
  let told = false
  for (;;) {
    const state = await postmasterState(paths.cluster)
    if (state === null || !isAlive(state.pid)) return
    if (state.ready) {
      const owner = await takeOwnership(host).catch(() => undefined)
      if (owner === null) throw inUse(dataDir)
      // Reason: a server that is starting takes the lock a moment after its PostgreSQL is ready; leave it that time.
      const orphan = owner !== undefined && Date.now() > deadline - ORPHAN_MS + 2_000
      if (orphan && !told) {
        process.kill(state.pid, 'SIGINT')
        told = true
      }
      await owner?.end().catch(() => undefined)
    }
    // A stale file names a process id that something else has by now: PostgreSQL's own check decides.
    if (Date.now() > deadline) return
    await delay(50)
  }
}

async function waitUntilReady(started: PostgresProcess, attempt: Attempt, logOffset: number): Promise<void> {
  const deadline = Date.now() + READY_MS
  while (!started.hasExited()) {
    const state = await postmasterState(attempt.paths.cluster)
    if (state?.ready === true && isAlive(state.pid)) {
      const client = await connect(attempt.host, 'postgres').catch(() => null)
      if (client !== null) return client.end()
    }
    if (Date.now() > deadline) {
      await started.stop()
      break
    }
    await delay(10)
  }
  throw startFailure(attempt.paths.log, logOffset, attempt.dataDir)
}

async function ensureDatabase(owner: pg.Client): Promise<void> {
  const { rowCount } = await owner.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE_NAME])
  if (rowCount === 0) await owner.query(`CREATE DATABASE ${DATABASE_NAME} TEMPLATE template0`)
}

/**
 * Starts the PostgreSQL that comes with Strongroom on `<dataDir>/postgres`, creating it at the first start, and
 * returns once it takes connections. It ends with this process, however that ends.
 *
 * @throws EmbeddedDatabaseError with one line that says what to do
 */
export async function startEmbeddedPostgres(options: { dataDir: string }): Promise<EmbeddedPostgres> {
  try {
    return await start(path.resolve(options.dataDir))
  } catch (error) {
    throw explainFileError(error, path.resolve(options.dataDir))
  }
}

async function start(dataDir: string): Promise<EmbeddedPostgres> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const postgresFolder = path.join(await realpath(dataDir), 'postgres')
  const cluster = path.join(postgresFolder, 'cluster')
  const runAs = await chooseRunAs(cluster)
  await mkdir(postgresFolder, { recursive: true, mode: 0o700 })
  if (runAs !== null) await chmod(postgresFolder, 0o711)
  const socketFolder = path.join(postgresFolder, 'socket')
  await makeOwnedFolder(socketFolder, runAs)
  const binaries = await prepareBinaries(postgresFolder, runAs)
  await prepareCluster({ postgresFolder, cluster, binaries, runAs, userName: await ownUserName() })

  const paths = { postgresFolder, cluster, log: path.join(postgresFolder, 'postgres.log') }
  const { host, remove } = await socketHost(socketFolder)
  const attempt = { dataDir, paths, host }
  try {
    await clearOrphan(attempt)
    const logOffset = logLength(paths.log)
    const started = spawnPostgres(paths, binaries.postgres, runAs)
    const ownership = keepOwnership(await own(started, attempt, logOffset), started, host)
    let closing = false
    const ended = new Promise<void>((resolve) => {
      void started.exited.then(() => {
        if (!closing) resolve()
      })
    })
    const query = new URLSearchParams({ host, port: '5432', user: DATABASE_NAME })
    return {
      connection: { host, port: 5432, user: DATABASE_NAME, database: DATABASE_NAME },
      url: `postgres:///${DATABASE_NAME}?${query}`,
      ended,
      close: async () => {
        closing = true
        await ownership.release()
        await started.stop()
        await remove()
      },
    }
  } catch (error) {
    await remove()
    throw error
  }
}

/**
 * Holds the owner lock as long as PostgreSQL runs.
 *
 * Reason: PostgreSQL ends all sessions when one of its processes crashes, and with them the lock.
 */
function keepOwnership(first: pg.Client, started: PostgresProcess, host: string): { release(): Promise<void> } {
  let owner = first
  let released = false
  const end = () => owner.end().catch(() => undefined)
  const takeAgain = async () => {
    while (!released && !started.hasExited()) {
      const again = await takeOwnership(host).catch(() => null)
      if (again !== null) {
        owner = again
        if (released) return end()
        owner.once('end', takeAgain)
        return
      }
      await delay(100)
    }
  }
  owner.once('end', takeAgain)
  return {
    release: async () => {
      released = true
      await end()
    },
  }
}

/** Waits for PostgreSQL and takes the owner lock; stops what was started if that fails. */
async function own(started: PostgresProcess, attempt: Attempt, logOffset: number): Promise<pg.Client> {
  try {
    await waitUntilReady(started, attempt, logOffset)
    const owner = await takeOwnership(attempt.host)
    if (owner === null) throw inUse(attempt.dataDir)
    await ensureDatabase(owner)
    return owner
  } catch (error) {
    // Reason: PostgreSQL's own lock file decides between two servers that start at the same moment.
    const lost = started.hasExited() && (await postmasterState(attempt.paths.cluster))?.ready === true
    await started.stop()
    throw lost ? inUse(attempt.dataDir) : error
  }
}
