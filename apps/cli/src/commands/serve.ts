import { sentence } from '../errors.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { CliError, UsageError } from '../failure.ts'
import { parseWhole } from '../quantity.ts'
import type { Environment } from '../secrets.ts'

/** The server's package. */
export interface ServerModule extends BackupServer {
  /** Tries every engine that the environment names. */
  readonly examine: (environment: Environment, onCheck: (check: Check) => void) => Promise<Diagnosis>
  /** Runs a server in this process until a signal stops it. */
  readonly main: () => Promise<void>
  /** Opens the way to what operators do, on the server or the data that the environment names. */
  readonly openAdmin: (environment: Environment) => Promise<Admin>
}

/** One thing that `doctor` has looked at. */
export interface Check {
  readonly name: string
  readonly status: 'ok' | 'warn' | 'fail'
  readonly found: string
  readonly mend: string
}

/** What `doctor` has found, and what can be pasted. */
export interface Diagnosis {
  readonly checks: readonly Check[]
  readonly cors: object | null
  readonly policy: object | null
}

/** What is asked of a restore. */
export interface RestoreRequest {
  readonly folder: string
  readonly name: string | null
  readonly keyFile: string | null
  readonly skipDamaged: boolean
  readonly keepSessions: boolean
  readonly signal: AbortSignal
  readonly missing: (blobId: string) => Promise<void>
  readonly step: (done: { what: string; count: number }) => Promise<void>
}

/** What a backup holds. */
export interface RestoreSummary {
  readonly name: string
  readonly createdMs: number
  readonly rows: number
  readonly blobs: number
  readonly bytes: number
  readonly missing: number
  readonly keyFile?: boolean
}

interface FoundBackup {
  readonly name: string
  readonly manifest: {
    readonly createdMs: number
    readonly tables: Readonly<Record<string, { readonly rows: number }>>
    readonly blobs: { readonly count: number; readonly bytes: number }
    readonly missing: readonly string[]
    readonly keyFile: object | null
  }
}

/** What works on backups, without a server. */
export interface BackupServer {
  readonly restoreBackup: (environment: Environment, request: RestoreRequest) => Promise<RestoreSummary>
  readonly checkBackupIn: (request: RestoreRequest) => Promise<RestoreSummary>
  readonly listBackupsIn: (folder: string) => Promise<readonly FoundBackup[]>
}

/** Operations of a server, called by name. */
export interface Admin {
  /** What it returns has the form that the operation declares, which the server checks. */
  call(
    operation: string,
    input: unknown,
    listener: {
      readonly signal: AbortSignal
      readonly onProgress?: (value: unknown) => void
      readonly onItem?: (value: unknown) => Promise<void> | void
    },
  ): Promise<unknown>
  close(): Promise<void>
}

/** Finds the server's package, which is loaded for `serve` and `admin` only; null where it is not installed. */
export type ServerLoader = () => Promise<ServerModule | null>

export interface ServeFlags {
  readonly host?: string
  readonly port?: string
  readonly data?: string
}

/**
 * `serve`: runs a server in this process until it is told to stop. Flags stand above the environment.
 *
 * @throws CliError when the server's package is not installed
 */
export async function serve(findServer: ServerLoader, flags: ServeFlags): Promise<ExitCode> {
  if (flags.port !== undefined) process.env.PORT = String(parseWhole(flags.port, '--port', 0, 65_535))
  if (flags.host !== undefined) process.env.HOST = flags.host
  if (flags.data === '') throw new UsageError('--data needs a folder.')
  if (flags.data !== undefined) process.env.STRONGROOM_DATA = flags.data
  const server = await requireServer(findServer)
  try {
    await server.main()
  } catch (cause) {
    throw startError(cause)
  }
  return EXIT.done
}

/** @throws CliError when the server's package is not installed */
export async function requireServer(findServer: ServerLoader): Promise<ServerModule> {
  const server = await findServer()
  if (server !== null) return server
  throw new CliError(
    EXIT.failed,
    'The server package is not installed here; run "npm start" in a clone of Strongroom, or install strongroom-server.',
  )
}

// Reason: the server is loaded at run time, maybe from another package, so its error classes are known by name only.
export function startError(cause: unknown): unknown {
  if (!(cause instanceof Error)) return cause
  if (cause.name === 'ConfigError') return new UsageError(sentence(cause.message), { cause })
  if (cause.name === 'StartError') return new CliError(EXIT.failed, sentence(cause.message), { cause })
  return cause
}
