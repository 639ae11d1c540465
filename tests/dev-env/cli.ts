import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../../apps/cli/bin/strongroom.js', import.meta.url))

export interface CliResult {
  /** Exit code; null when a signal ended it. */
  code: number | null
  stdout: Buffer
  stderr: string
}

export interface CliOptions {
  /** Profile folder (STRONGROOM_HOME). */
  home: string
  /** Server URL (STRONGROOM_SERVER). */
  server: string
  password?: string
  env?: Record<string, string>
  input?: Uint8Array | string
  cwd?: string
  /** Where stdout goes instead of into the result, as an open file. */
  stdout?: number
  /** Milliseconds until SIGKILL; four minutes unless told. */
  timeoutMs?: number
  /** Another build of the binary. */
  bin?: string
  /** Gets the process as soon as it runs, to send signals. */
  onSpawn?: (child: ChildProcess) => void
}

/** Runs the real `strongroom` binary, with nothing of this process's own STRONGROOM_ settings. */
export function runCli(parameters: readonly string[], options: CliOptions): Promise<CliResult> {
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('STRONGROOM_')))
  const child = spawn(process.execPath, [options.bin ?? BIN, ...parameters], {
    cwd: options.cwd ?? tmpdir(),
    env: {
      ...clean,
      STRONGROOM_HOME: options.home,
      STRONGROOM_SERVER: options.server,
      ...(options.password === undefined ? {} : { STRONGROOM_PASSWORD: options.password }),
      ...options.env,
    },
    stdio: ['pipe', options.stdout ?? 'pipe', 'pipe'],
  })
  options.onSpawn?.(child)
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => err.push(chunk))
  // Reason: a process that ends before it has read its input closes the pipe; its exit code tells the story.
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(options.input ?? '')
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 240_000)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      clearTimeout(timer)
      resolve({ code, stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString('utf8') })
    })
  })
}

/** One device of one user: a profile folder, and the binary that uses it. */
export class CliDevice implements AsyncDisposable {
  readonly home: string
  readonly server: string
  readonly password: string

  private constructor(options: { home: string; server: string; password: string }) {
    this.home = options.home
    this.server = options.server
    this.password = options.password
  }

  static async create(server: string, password = 'correct horse battery staple 41'): Promise<CliDevice> {
    return new CliDevice({ home: await mkdtemp(join(tmpdir(), 'strongroom-home-')), server, password })
  }

  run(parameters: readonly string[], options: Partial<CliOptions> = {}): Promise<CliResult> {
    return runCli(parameters, { home: this.home, server: this.server, password: this.password, ...options })
  }

  /** Runs and throws with what was printed unless the exit code is 0. */
  async ok(parameters: readonly string[], options: Partial<CliOptions> = {}): Promise<CliResult> {
    const result = await this.run(parameters, options)
    if (result.code !== 0) {
      throw new Error(`strongroom ${parameters[0] ?? ''} ended with ${result.code}: ${result.stderr}`)
    }
    return result
  }

  /** Registers `login`; the recovery key goes to `recovery.txt` in the profile folder. */
  async register(login: string): Promise<string> {
    const file = join(this.home, 'recovery.txt')
    await this.ok(['register', login, '--recovery-file', file])
    return file
  }

  async login(login: string): Promise<void> {
    await this.ok(['login', login])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.home, { recursive: true, force: true })
  }
}
