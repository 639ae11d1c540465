import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { RawBucket } from '../../packages/server/src/testing/bucket.ts'
import { type TestBucket, useBucket } from './engines/bucket.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const READY = /Strongroom serves (\S+)/
const START_MS = 60_000

export interface DevServerOptions {
  /** A folder of its own, removed by `stop`, unless given. */
  readonly dataDir?: string
  readonly env?: Readonly<Record<string, string>>
  /** A free one unless given. */
  readonly port?: number
  /** Another user to run as; needs root. */
  readonly uid?: number
  readonly gid?: number
  /** What to start instead of the server that this checkout builds. */
  readonly entry?: string
  readonly cwd?: string
  /** Gets the process as soon as it runs, to send signals. */
  readonly onSpawn?: (child: ChildProcess) => void
}

export interface DevServer {
  readonly url: string
  readonly dataDir: string
  /** What an operator of it sets. */
  readonly settings: Readonly<Record<string, string>>
  /** Where its blobs lie, unless in its data folder. */
  readonly bucket: { readonly raw: RawBucket; readonly prefix: string } | null
  readonly pid: number
  /** SIGTERM; resolves with the exit code. Repeating it is harmless. */
  stop(): Promise<number | null>
  /** SIGKILL; resolves when the process is gone. The data folder stays. */
  kill9(): Promise<void>
  /** All that the server has printed so far. */
  logs(): string
}

/** A server that ended before it was ready. */
export class DevServerError extends Error {
  readonly exitCode: number | null
  readonly output: string

  constructor(exitCode: number | null, output: string) {
    super(`the server ended with exit code ${exitCode}: ${output}`)
    this.name = 'DevServerError'
    this.exitCode = exitCode
    this.output = output
  }
}

let built = false
let bucket: Promise<TestBucket> | null = null

/** With `STRONGROOM_TEST_STORE=s3` the blobs of every data folder lie under a prefix of its own in a bucket of Ceph. */
async function storeOf(dataDir: string): Promise<{ env: Record<string, string>; bucket: DevServer['bucket'] }> {
  if (process.env.STRONGROOM_TEST_STORE !== 's3') return { env: {}, bucket: null }
  bucket ??= useBucket()
  const { url, env, raw } = await bucket
  const prefix = createHash('sha256').update(dataDir).digest('hex').slice(0, 16)
  return { env: { BLOB_URL: url({ prefix }), ...env }, bucket: { raw, prefix } }
}

/**
 * Whether `STRONGROOM_TEST_ENGINES=cluster` gives this server the engines of a company: unless its caller names engines,
 * comes back to its data folder or port, or starts it in a way of its own.
 */
function isClustered({ dataDir, port, uid, entry, cwd, onSpawn, env = {} }: DevServerOptions): boolean {
  if (process.env.STRONGROOM_TEST_ENGINES !== 'cluster') return false
  const own = [dataDir, port, uid, entry, cwd, onSpawn].some((option) => option !== undefined)
  return (
    !own && !Object.keys(env).some((name) => /^(DATABASE_|BLOB_|KMS_|PUBLIC_|TRUSTED_|HOST|TLS_|METRICS_)/.test(name))
  )
}

/** The environment without settings of a server that may run beside the tests. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const settings =
    /^(STRONGROOM_.*|PORT|HOST|DATABASE_.*|BLOB_.*|KMS_.*|PUBLIC_URL|TRUSTED_PROXIES|METRICS_.*|DRAIN_.*|REGISTRATION|LOG_LEVEL)$/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !settings.test(name)))
}

/**
 * Starts the built server as a process of its own and resolves once it listens.
 *
 * @throws DevServerError with its output, if it ends instead
 */
export async function startDevServer(options: DevServerOptions = {}): Promise<DevServer> {
  if (isClustered(options)) {
    const { startDevCluster } = await import('./engines/dev-cluster.ts')
    return startDevCluster(options.env ?? {})
  }
  if (options.entry === undefined && !built) {
    execFileSync(process.execPath, [path.join(ROOT, 'scripts/build.mjs'), 'server'], { stdio: 'inherit' })
    built = true
  }
  const dataDir = options.dataDir ?? (await mkdtemp(path.join(tmpdir(), 'strongroom-server-')))
  const store = await storeOf(dataDir)
  const settings = { STRONGROOM_DATA: dataDir, ...store.env, ...options.env }
  const child = spawn(process.execPath, [options.entry ?? path.join(ROOT, 'apps/server/dist/run.js')], {
    cwd: options.cwd ?? tmpdir(),
    env: { ...cleanEnvironment(), PORT: String(options.port ?? 0), ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
  })
  // Reason: a test that fails half way must not leave a server behind.
  const killAtExit = () => child.kill('SIGKILL')
  process.on('exit', killAtExit)
  child.once('exit', () => process.off('exit', killAtExit))
  options.onSpawn?.(child)
  let output = ''
  const onText = (text: string) => {
    output += text
  }
  child.stdout.setEncoding('utf8').on('data', onText)
  child.stderr.setEncoding('utf8').on('data', onText)
  const exited = new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null))
    child.once('close', resolve)
  })
  const removeData = async () => {
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true })
  }
  const url = await whenReady(child, exited, () => output)
  if (url === null) {
    child.kill('SIGKILL')
    const code = await exited
    await removeData()
    throw new DevServerError(code, output)
  }
  return {
    url,
    dataDir,
    settings,
    bucket: options.env?.BLOB_URL === undefined ? store.bucket : null,
    pid: child.pid ?? 0,
    stop: async () => {
      child.kill('SIGTERM')
      const code = await exited
      await removeData()
      return code
    },
    kill9: async () => {
      child.kill('SIGKILL')
      await exited
    },
    logs: () => output,
  }
}

/** The URL that the server prints, or null if it ends or takes too long. */
async function whenReady(
  child: ChildProcess,
  exited: Promise<number | null>,
  output: () => string,
): Promise<string | null> {
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(), START_MS)
  const printed = new Promise<string | null>((resolve) => {
    child.stdout?.on('data', () => {
      const url = READY.exec(output())?.[1]
      if (url !== undefined) resolve(url)
    })
    deadline.signal.addEventListener('abort', () => resolve(null))
  })
  const url = await Promise.race([printed, exited.then(() => null)])
  clearTimeout(timer)
  return url
}
