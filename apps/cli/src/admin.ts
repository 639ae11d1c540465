import { type Admin, requireServer, type ServerLoader, type ServerModule, startError } from './commands/serve.ts'
import type { CommandContext } from './context.ts'
import { sentence } from './errors.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { CliError, UsageError } from './failure.ts'

/** What `admin` has before its verb. */
export interface AdminFlags {
  readonly data?: string
}

/** A verb of `admin`: gets the way to the server. */
export type AdminAction<A extends unknown[]> = (context: CommandContext, admin: Admin, ...args: A) => Promise<ExitCode>

const EXIT_CODES: Readonly<Record<string, ExitCode>> = {
  usage: EXIT.usage,
  not_found: EXIT.notFound,
  integrity: EXIT.integrity,
  conflict: EXIT.conflict,
  unavailable: EXIT.network,
  interrupted: EXIT.interrupted,
}

/**
 * Runs a task on the server, or the data, that the environment names as it does for the server itself.
 *
 * @throws CliError
 */
export async function withAdmin<T>(
  context: CommandContext,
  findServer: ServerLoader,
  flags: AdminFlags,
  task: (admin: Admin) => Promise<T>,
): Promise<T> {
  const environment = environmentOf(context, flags)
  const server = await requireServer(findServer)
  try {
    const admin = await server.openAdmin(environment)
    try {
      // Translated at the call: a verb that works on several things goes on after one of them failed.
      const call: Admin['call'] = (...args) =>
        admin.call(...args).catch((error: unknown) => Promise.reject(adminError(error)))
      return await task({ call, close: () => admin.close() })
    } finally {
      await admin.close()
    }
  } catch (error) {
    throw adminError(error)
  }
}

/** Runs a task that works on data without a server, with the settings that the environment names. @throws CliError */
export async function withServerCode(
  context: CommandContext,
  findServer: ServerLoader,
  flags: AdminFlags,
  task: (context: CommandContext, server: ServerModule) => Promise<ExitCode>,
): Promise<ExitCode> {
  const server = await requireServer(findServer)
  try {
    return await task({ ...context, environment: environmentOf(context, flags) }, server)
  } catch (error) {
    throw adminError(error)
  }
}

function environmentOf(context: CommandContext, flags: AdminFlags): CommandContext['environment'] {
  if (flags.data === '') throw new UsageError('--data needs a folder.')
  return flags.data === undefined ? context.environment : { ...context.environment, STRONGROOM_DATA: flags.data }
}

// Reason: the server is loaded at run time, so its error classes are known by name only.
function adminError(cause: unknown): unknown {
  if (!(cause instanceof Error) || cause.name !== 'AdminError') return startError(cause)
  const { code } = cause as Error & { code?: unknown }
  const exitCode = EXIT_CODES[String(code)] ?? EXIT.failed
  return new CliError(exitCode, sentence(cause.message), { cause })
}
