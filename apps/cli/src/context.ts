import { hostname } from 'node:os'
import { type Drive, type Identity, type Session, Strongroom } from '@strongroom/client'
import { nodePlatform } from '@strongroom/client/node'
import { causeChain } from './errors.ts'
import { EXIT } from './exit-codes.ts'
import { CliError, UsageError } from './failure.ts'
import type { Output } from './output.ts'
import type { Environment } from './secrets.ts'
import { terminalText } from './terminal-text.ts'

/** What every command gets. */
export interface CommandContext {
  readonly output: Output
  readonly environment: Environment
  /** Set on Ctrl-C. */
  readonly signal: AbortSignal
}

/** The platform that keeps its profile in `STRONGROOM_HOME`, else where XDG says. */
export function openPlatform(context: CommandContext): ReturnType<typeof nodePlatform> {
  const home = context.environment.STRONGROOM_HOME
  return nodePlatform(home === undefined || home === '' ? {} : { home })
}

/**
 * Runs a task in the stored session and closes it in the end.
 *
 * @throws CliError `authentication` when nobody is signed in here
 */
export async function withSession<T>(context: CommandContext, task: (session: Session) => Promise<T>): Promise<T> {
  const platform = openPlatform(context)
  await requireSignedIn(context, platform)
  const session = await Strongroom.resume(platform, { ahead: true, signal: context.signal })
  if (session === null) throw nobody()
  try {
    const result = await task(session)
    warnOfLeftOut(context.output, session.leftOutCommits)
    return result
  } finally {
    await session.close()
    const { lazyFailure } = session.keys
    if (context.output.verbose && lazyFailure !== null) {
      context.output.warn('strongroom: A file whose key is due was not given a new one:')
      for (const line of causeChain(lazyFailure)) context.output.warn(line)
    }
  }
}

/**
 * Who is signed in, from the stored profile alone.
 *
 * @throws CliError `authentication` when nobody is, or at another server than the environment names
 */
export async function requireSignedIn(
  context: CommandContext,
  platform: ReturnType<typeof nodePlatform>,
): Promise<Identity> {
  const identity = await Strongroom.identity(platform)
  if (identity === null) throw nobody()
  checkServer(context.environment.STRONGROOM_SERVER, identity.server)
  return identity
}

function nobody(): CliError {
  return new CliError(EXIT.authentication, 'Nobody is signed in here; run "strongroom login" first.')
}

function warnOfLeftOut(output: Output, count: number): void {
  if (count === 0) return
  const changes = count === 1 ? '1 change' : `${count} changes`
  output.warn(
    `strongroom: ${changes} in the log of your files broke the rules and had no effect; a device of yours runs a broken or hostile program.`,
  )
}

/** `withSession` for commands that only need the files. */
export function withDrive<T>(context: CommandContext, task: (drive: Drive) => Promise<T>): Promise<T> {
  return withSession(context, (session) => task(session.drive))
}

// Reason: a script that names one server must not work on another one by accident.
function checkServer(wanted: string | undefined, actual: string): void {
  if (wanted === undefined || wanted === '') return
  if (parseServer(wanted) !== parseServer(actual)) {
    throw new CliError(
      EXIT.authentication,
      `You are signed in to ${terminalText(actual)}, but STRONGROOM_SERVER names another server; run "strongroom login" or unset it.`,
    )
  }
}

/**
 * A server's address in one form: `https://files.example.org`. A bare host means https, on loopback http.
 *
 * @throws UsageError when it is no address
 */
export function parseServer(text: string): string {
  const trimmed = text.trim()
  const bare = !/^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed)
  const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:|\/|$)/i.test(trimmed)
  let url: URL
  try {
    url = new URL(bare ? `${loopback ? 'http' : 'https'}://${trimmed}` : trimmed)
  } catch (cause) {
    throw new UsageError('The server address is not understood; write it as https://files.example.org.', { cause })
  }
  if (!['http:', 'https:'].includes(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw new UsageError('The server address must be plain, as https://files.example.org.')
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`
}

/** How this device is listed: its host name, without what a terminal could obey. */
export function deviceName(): string {
  return terminalText(hostname()).slice(0, 80) || 'command line'
}
