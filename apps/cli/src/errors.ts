import { ClientError, type ClientErrorCode } from '@strongroom/client'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { CliError } from './failure.ts'
import { errorText, isSystemError, systemErrorText } from './system-errors.ts'
import { terminalText } from './terminal-text.ts'

/** For each code of the SDK: the exit code, and what the user should do; empty where the message says it. */
const CLIENT_ERRORS: Readonly<Record<ClientErrorCode, { exitCode: ExitCode; advice: string }>> = {
  usage: { exitCode: EXIT.usage, advice: '' },
  not_found: { exitCode: EXIT.notFound, advice: 'See what is there with "strongroom ls".' },
  authentication: { exitCode: EXIT.authentication, advice: 'Run "strongroom login".' },
  integrity: {
    exitCode: EXIT.integrity,
    advice: 'Nothing of it was used; do not trust this server before its operator has explained it.',
  },
  conflict: { exitCode: EXIT.conflict, advice: 'Run the command again.' },
  network: { exitCode: EXIT.network, advice: 'Check that the server runs and its address is right, then try again.' },
  server: { exitCode: EXIT.network, advice: 'Try again later, or tell the operator of the server.' },
  quota: { exitCode: EXIT.quota, advice: 'Remove something for good, or ask the operator for more room.' },
  partly_done: { exitCode: EXIT.partlyDone, advice: 'Run the command again for the rest.' },
  exists: { exitCode: EXIT.conflict, advice: 'Choose another name, or say --conflict replace, keep-both or skip.' },
  not_a_folder: { exitCode: EXIT.notFound, advice: 'See what is there with "strongroom ls".' },
  is_a_folder: { exitCode: EXIT.usage, advice: 'Add -r to work on a folder with everything in it.' },
  aborted: { exitCode: EXIT.interrupted, advice: '' },
  source_changed: { exitCode: EXIT.failed, advice: 'Run the command again once nobody writes to it.' },
  local_io: { exitCode: EXIT.failed, advice: '' },
  upgrade_required: { exitCode: EXIT.failed, advice: '' },
  registration_closed: { exitCode: EXIT.authentication, advice: 'Ask the operator of the server for an account.' },
  login_taken: { exitCode: EXIT.conflict, advice: '' },
  invite_required: {
    exitCode: EXIT.authentication,
    advice: 'Ask its operator for a code, and give it by --invite or STRONGROOM_INVITE.',
  },
  invite_invalid: { exitCode: EXIT.authentication, advice: 'Ask its operator for another.' },
  account_disabled: { exitCode: EXIT.authentication, advice: 'Ask the operator why.' },
}

/** Advice for reasons in an error's details, before that of its code. */
const REASONS: Readonly<Record<string, string>> = {
  changed: 'Sign in with "strongroom login".',
  not_made: 'Run the command again later.',
  not_changed: 'Check that the server runs, then try again.',
  outcome_unknown: 'Check that the server runs, then find out by "strongroom login" or "strongroom recovery test".',
  commit_unknown:
    'Whether the change was made is not known: once the server answers, look with "strongroom ls" before you make it again.',
  invite_unknown: 'Check the code: it has 20 letters and digits.',
  invite_used:
    'It was used already: if you began to register before, try "strongroom login"; else ask the operator for another.',
  invite_expired: 'It has expired; ask the operator for another.',
  invite_revoked: 'The operator has taken it back; ask for another.',
  files_only: '',
  folder_exists: 'Choose another name, or add -p.',
  pins_damaged:
    'Bring "pins.json" back from a backup, or sign in with another STRONGROOM_HOME and compare "strongroom state" with another device.',
  not_in_trash: 'See what is in it with "strongroom trash".',
  no_such_session: 'See them with "strongroom sessions".',
  second_factor_required: 'Set STRONGROOM_CODE to a code of it, or use a terminal.',
  second_factor_failed: 'Wait for the next one, then try again.',
  second_factor_conflict: 'See "strongroom 2fa status".',
  login_over: 'Run the command again.',
  too_deep: 'At most 512 folders may lie above something; put it less deep.',
  too_many_versions:
    'Move it away with "strongroom mv", or have old versions destroyed with "strongroom retention --versions".',
  no_such_version: 'See which there are with "strongroom versions".',
  folder_in_trash: 'Say where to with --to.',
  rolled_back:
    'Nothing of it was used; ask the operator: if a backup was restored, "strongroom restore-server" gives the changes back.',
  forked:
    'Nothing of it was used; change nothing there, compare "strongroom state" with your other devices, and ask the operator.',
  not_kept: 'Nothing was given back; try "strongroom restore-server" on the device that made the changes.',
  redirected: 'Nothing was sent there; if its operator has moved the server, log in at its new address.',
  unproven:
    'A newer client wrote it, or someone changed it; nothing of it was used: upgrade this client, or ask the operator.',
  keyring_rolled_back: 'Nothing of it was used; ask the operator whether a backup was restored.',
  audit_rolled_back:
    'Ask the operator; if a backup was restored, run "strongroom restore-server" to take the log as it is now.',
  audit_forked:
    'Ask the operator; only if a backup was restored, run "strongroom restore-server" to take the log as it is now.',
  keyring_exchanged: 'Nothing of it was used; do not trust this server before its operator has explained it.',
}

/** A failure as the user meets it. */
export interface Failure {
  readonly exitCode: ExitCode
  /** One line that says what went wrong and what to do next. */
  readonly message: string
}

/** Exit code and line for anything that a command can throw. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof CliError) return { exitCode: error.exitCode, message: error.message }
  if (error instanceof ClientError) {
    const { reason, place } = error.details
    const exitCode = reason === 'unproven' ? EXIT.integrity : CLIENT_ERRORS[error.code].exitCode
    const byReason = typeof reason === 'string' && Object.hasOwn(REASONS, reason) ? REASONS[reason] : undefined
    const isLocalPath = error.code === 'not_found' && place === 'source'
    const advice = byReason ?? (isLocalPath ? 'Check the path.' : CLIENT_ERRORS[error.code].advice)
    if (error.code === 'aborted') return { exitCode, message: 'Interrupted.' }
    if (error.code === 'local_io') return { exitCode, message: localIoLine(error) }
    return { exitCode, message: [sentence(error.message), advice, requestLine(error)].filter(Boolean).join(' ') }
  }
  if (isPromptInterruption(error) || isAbort(error)) return { exitCode: EXIT.interrupted, message: 'Interrupted.' }
  if (isSystemError(error)) return { exitCode: EXIT.failed, message: `${sentence(systemErrorText(error))}` }
  return {
    exitCode: EXIT.failed,
    message: `Something unexpected went wrong (${errorText(error)}); run again with --verbose to see more.`,
  }
}

/** By what the operator of a server finds a request that failed there; the id comes from the wire. */
function requestLine({ details: { status, requestId } }: ClientError): string {
  if (typeof status !== 'number' || status < 500 || typeof requestId !== 'string') return ''
  return /^[A-Za-z0-9_-]{8,64}$/.test(requestId) ? `The request was ${requestId}.` : ''
}

function localIoLine(error: ClientError): string {
  const code = error.details.errno
  const known = typeof code === 'string' ? systemErrorText({ code }) : null
  if (known !== null && isAboutProfile(error)) {
    return `The folder of your sign-in cannot be used (${known}); mend it, or name another by STRONGROOM_HOME.`
  }
  if (known === null && isAboutProfile(error)) return `${sentence(error.message)} Run "strongroom login".`
  return known === null ? sentence(error.message) : `The local file system refused: ${known}.`
}

function isAboutProfile(error: unknown): boolean {
  return error instanceof ClientError && error.details.place === 'profile'
}

/** Codes that say something about the path that was worked on, so that the line should name it. */
const ABOUT_PATH: readonly ExitCode[] = [EXIT.failed, EXIT.usage, EXIT.notFound, EXIT.conflict, EXIT.integrity]

/**
 * Runs a task on a path and puts the path before the line of an error that concerns it.
 *
 * @param path - as the user knows it; remote or local
 * @param localPath - named instead when the local side is the matter
 */
export async function aboutPath<T>(path: string, task: () => Promise<T>, localPath: string = path): Promise<T> {
  try {
    return await task()
  } catch (error) {
    const { exitCode, message } = describeFailure(error)
    if (error instanceof CliError || isAboutProfile(error) || !ABOUT_PATH.includes(exitCode)) throw error
    const named = isAboutLocalFile(error) ? localPath : path
    throw new CliError(exitCode, `"${terminalText(named)}": ${message}`, { cause: error })
  }
}

/** Whether a transfer failed because of its local file, which the line should name then. */
export function isAboutLocalFile(error: unknown): boolean {
  if (!(error instanceof ClientError) || isAboutProfile(error)) return false
  return error.details.place === 'source' || ['local_io', 'source_changed'].includes(error.code)
}

/** What a device has pinned, by how the reason of an integrity stop begins. */
const PINNED: Readonly<Record<string, string>> = { keyring: 'keyring version', audit: 'audit entry' }

/** For `--verbose` after an integrity stop about heads or keyrings: what this device has seen, and what is shown. */
export function seenAndShown(error: unknown): string[] {
  let current: unknown = error
  for (let depth = 0; depth < 10 && current instanceof Error; depth += 1) {
    if (current instanceof ClientError && current.details.knownSeq !== undefined) {
      const { reason, knownSeq, knownHash, shownSeq, shownHash } = current.details
      const what = PINNED[String(reason).split('_')[0] ?? ''] ?? 'commit'
      const shown = shownSeq === undefined ? [] : [`  the server shows:     ${what} ${shownSeq}, ${shownHash}`]
      return [`  this device has seen: ${what} ${knownSeq}, ${knownHash}`, ...shown]
    }
    current = current.cause
  }
  return []
}

/** For `--verbose`: one line for each cause, by class, code and message; never a stack, never a secret. */
export function causeChain(error: unknown): string[] {
  const lines: string[] = []
  const told = error instanceof CliError || error instanceof ClientError
  let current: unknown = told ? error.cause : error
  // Reason: causes can be circular, and ten say enough.
  while (current instanceof Error && lines.length < 10) {
    const code = (current as NodeJS.ErrnoException).code
    const label = typeof code === 'string' ? `${current.name} ${code}` : current.name
    lines.push(terminalText(`  caused by ${label}: ${current.message.split('\n')[0] ?? ''}`))
    current = current.cause
  }
  return lines
}

/** A text of another module as one line that ends like a sentence. */
export function sentence(text: string): string {
  const line = terminalText(text.replaceAll('\n', ' ')).trim()
  const capital = line.charAt(0).toUpperCase() + line.slice(1)
  return /[.!?]$/.test(capital) ? capital : `${capital}.`
}

function isPromptInterruption(error: unknown): boolean {
  return error instanceof Error && (error.name === 'ExitPromptError' || error.name === 'AbortPromptError')
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}
