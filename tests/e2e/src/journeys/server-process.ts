import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))
const RUN = join(ROOT, 'apps/server/dist/run.js')
const START_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 20_000

export interface ServerProcessOptions {
  /** Data folder; a temporary one, removed at the end, unless given. */
  data?: string
  env?: Record<string, string>
}

/** The real server in a process of its own, as `npm start` runs it: what can be killed and measured. */
export class ServerProcess implements AsyncDisposable {
  readonly url: string
  readonly data: string
  readonly #port: number
  readonly #env: Record<string, string>
  readonly #ownsData: boolean
  #child: ChildProcess | null = null
  #log = ''

  private constructor(options: { port: number; data: string; ownsData: boolean; env: Record<string, string> }) {
    this.#port = options.port
    this.url = `http://127.0.0.1:${options.port}`
    this.data = options.data
    this.#ownsData = options.ownsData
    this.#env = options.env
  }

  static async start(options: ServerProcessOptions = {}): Promise<ServerProcess> {
    // Reason: a build that is current is skipped, so what runs is always what the sources say.
    const built = spawnSync(process.execPath, [join(ROOT, 'scripts/build.mjs'), 'server'], { encoding: 'utf8' })
    if (built.status !== 0) throw new Error(`The server does not build:\n${built.stderr}`)
    const server = new ServerProcess({
      port: await freePort(),
      data: options.data ?? (await mkdtemp(join(tmpdir(), 'strongroom-data-'))),
      ownsData: options.data === undefined,
      env: options.env ?? {},
    })
    await server.startAgain()
    return server
  }

  get pid(): number {
    const pid = this.#child?.pid
    if (pid === undefined) throw new Error('The server does not run.')
    return pid
  }

  /** What it printed so far, over all starts. */
  get log(): string {
    return this.#log
  }

  get running(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Starts on the same data folder and port after a stop or kill. */
  async startAgain(): Promise<void> {
    const clean = Object.fromEntries(
      Object.entries(process.env).filter(
        ([name]) => !/^(STRONGROOM_|DATABASE_URL|BLOB_URL|KMS_URL|NODE_OPTIONS)/.test(name),
      ),
    )
    const child = spawn(process.execPath, [RUN], {
      cwd: tmpdir(),
      env: { ...clean, HOST: '127.0.0.1', PORT: String(this.#port), STRONGROOM_DATA: this.data, ...this.#env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    const keep = (chunk: Buffer): void => {
      this.#log += chunk.toString('utf8')
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    const deadline = Date.now() + START_LIMIT_MS
    while (!(await this.#ready())) {
      if (!this.running) throw new Error(`The server ended at start:\n${this.#log}`)
      if (Date.now() > deadline) throw new Error(`The server is not ready after ${START_LIMIT_MS} ms:\n${this.#log}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  /** SIGTERM, and the exit code once it has ended. */
  stop(): Promise<number | null> {
    return this.#end('SIGTERM')
  }

  /** SIGKILL, and waits until it is gone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    if (this.#ownsData) await rm(this.data, { recursive: true, force: true })
  }

  async #ready(): Promise<boolean> {
    try {
      const response = await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(5_000) })
      await response.arrayBuffer()
      return response.ok
    } catch {
      return false
    }
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child
    if (child === null || !this.running) return child?.exitCode ?? null
    const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)))
    child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS)
    const code = await ended
    clearTimeout(timer)
    return code
  }
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() =>
        address !== null && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port')),
      )
    })
  })
}
