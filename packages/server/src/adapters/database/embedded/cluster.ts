import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { systemCode } from '../../system-code.ts'
import { type Binaries, POSTGRES_MAJOR } from './binaries.ts'
import { EmbeddedDatabaseError } from './error.ts'
import { makeOwnedFolder, type RunAs, replaceFile, syncFolder } from './files.ts'

/** Name of the database and of its only role. */
export const DATABASE_NAME = 'strongroom'

/** Written last: a cluster without it was never finished. */
const MARKER = 'strongroom-cluster'

/**
 * How PostgreSQL names its own data folder.
 *
 * Reason: as root the data folder stays closed to everyone else (0700), also to the unprivileged user that
 * PostgreSQL runs as. A process whose working directory lies behind such a folder may go on working in it, and
 * `/proc/self/cwd` names it without walking the way.
 */
export function clusterArgument(cluster: string, runAs: RunAs | null): string {
  return runAs !== null && process.platform === 'linux' ? '/proc/self/cwd' : cluster
}

async function readText(file: string): Promise<string | null> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    throw error
  }
}

/**
 * Whether the cluster exists and is ours.
 * @throws EmbeddedDatabaseError `data_folder_foreign` for another major version, or for a cluster not made here
 */
async function checkCluster(cluster: string): Promise<boolean> {
  const major = await readText(path.join(cluster, 'PG_VERSION'))
  if (major === null) {
    const entries = await readdir(cluster).catch(() => [])
    if (entries.length === 0) return false
  }
  if (major !== null && major !== String(POSTGRES_MAJOR)) {
    throw new EmbeddedDatabaseError(
      'data_folder_foreign',
      `The database in ${cluster} was made by PostgreSQL ${major}, and this release brings ${POSTGRES_MAJOR}: start it with the release of Strongroom that made it, or move it to a PostgreSQL server of your own and set DATABASE_URL.`,
    )
  }
  if ((await readText(path.join(cluster, MARKER))) === null) {
    throw new EmbeddedDatabaseError(
      'data_folder_foreign',
      `The folder ${cluster} holds something that Strongroom did not make; move it away or name another folder by STRONGROOM_DATA.`,
    )
  }
  return true
}

async function run(file: string, args: readonly string[], cwd: string, runAs: RunAs | null): Promise<void> {
  const child = spawn(file, args, {
    cwd,
    ...runAs,
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-4000)
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code === 0) return
  if (stderr.includes('No space left on device')) throw Object.assign(new Error('initdb'), { code: 'ENOSPC' })
  const reason = stderr.split('\n').find((line) => /error|fatal/i.test(line)) ?? `exit code ${code}`
  throw new EmbeddedDatabaseError('start_failed', `The database could not be created: ${reason.trim()}`)
}

/** Removes what a server that died while creating the cluster has left. */
async function removeRemains(postgresFolder: string): Promise<void> {
  for (const name of await readdir(postgresFolder)) {
    const pid = /^\.new-(\d+)-/.exec(name)?.[1]
    if (pid === undefined || isAlive(Number(pid))) continue
    // Reason: its initdb may still be writing there for a moment.
    await rm(path.join(postgresFolder, name), { recursive: true, force: true, maxRetries: 10 })
  }
}

/** Whether a process with this id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return systemCode(error) === 'EPERM'
  }
}

export interface ClusterOptions {
  readonly postgresFolder: string
  readonly cluster: string
  readonly binaries: Binaries
  readonly runAs: RunAs | null
  /** The operating system's name of who may connect. */
  readonly userName: string
}

async function createCluster(options: ClusterOptions): Promise<void> {
  const { postgresFolder, cluster, binaries, runAs } = options
  await removeRemains(postgresFolder)
  // Invariant: a cluster under its final name is complete and durable. initdb syncs what it wrote; the marker and
  // the rename come after it.
  const temporary = path.join(postgresFolder, `.new-${process.pid}-${randomBytes(4).toString('hex')}`)
  try {
    await mkdir(temporary, { mode: 0o700 })
    await makeOwnedFolder(temporary, runAs)
    const args = ['-D', clusterArgument(temporary, runAs), '-U', DATABASE_NAME, '-A', 'peer', '-E', 'UTF8']
    args.push('--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C', '--no-instructions')
    await run(binaries.initdb, args, temporary, runAs)
    await replaceFile(path.join(temporary, MARKER), '1\n', 0o600, runAs)
    await rename(temporary, cluster)
    await syncFolder(postgresFolder)
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    // Another server was faster; its cluster is as good.
    if (!['EEXIST', 'ENOTEMPTY'].includes(systemCode(error))) throw error
  }
}

/** Creates the cluster where there is none, checks it where there is one, and states who may connect. */
export async function prepareCluster(options: ClusterOptions): Promise<void> {
  if (!(await checkCluster(options.cluster))) await createCluster(options)
  const { cluster, runAs, userName } = options
  const wanted: [string, string][] = [
    ['pg_hba.conf', 'local all all peer map=strongroom\n'],
    ['pg_ident.conf', `strongroom "${userName}" ${DATABASE_NAME}\n`],
  ]
  for (const [name, text] of wanted) {
    const file = path.join(cluster, name)
    if ((await readText(file)) !== text.trim()) await replaceFile(file, text, 0o600, runAs)
  }
}
