import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'

export interface ServerProcessOptions {
  /** Data folder; a temporary one, removed at the end, unless given. */
  data?: string
  env?: Record<string, string>
}

/** The real server as a process that can be killed and started again on the same data folder and port. */
export class ServerProcess implements AsyncDisposable {
  readonly data: string
  readonly #env: Record<string, string>
  readonly #ownsData: boolean
  #current: DevServer
  #running = true

  private constructor(options: { current: DevServer; ownsData: boolean; env: Record<string, string> }) {
    this.#current = options.current
    this.data = options.current.dataDir
    this.#ownsData = options.ownsData
    this.#env = options.env
  }

  static async start(options: ServerProcessOptions = {}): Promise<ServerProcess> {
    const dataDir = options.data ?? (await mkdtemp(join(tmpdir(), 'strongroom-data-')))
    const env = options.env ?? {}
    const current = await startDevServer({ dataDir, env })
    return new ServerProcess({ current, ownsData: options.data === undefined, env })
  }

  get url(): string {
    return this.#current.url
  }

  get pid(): number {
    return this.#current.pid
  }

  async startAgain(): Promise<void> {
    const port = Number(new URL(this.url).port)
    this.#current = await startDevServer({ dataDir: this.data, port, env: this.#env })
    this.#running = true
  }

  /** SIGTERM, and the exit code once it has ended. */
  async stop(): Promise<number | null> {
    this.#running = false
    return this.#current.stop()
  }

  /** SIGKILL, and waits until it is gone. */
  async kill(): Promise<void> {
    this.#running = false
    await this.#current.kill9()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#running) await this.stop()
    if (this.#ownsData) await rm(this.data, { recursive: true, force: true })
  }
}
