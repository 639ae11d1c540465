import { ClientError, type KdfProfile, type Session, Strongroom } from '@strongroom/client'
import { type CommandContext, deviceName, openPlatform, parseServer, requireSignedIn, withSession } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { CliError, UsageError } from '../failure.ts'
import { quoted } from '../output.ts'
import { askText, canAsk, confirmRecoveryKey, readPassword } from '../prompts.ts'
import { formatBytes } from '../quantity.ts'
import { createRecoveryFile, type RecoveryFile } from '../recovery-file.ts'
import { codeAsker } from '../second-factor-code.ts'
import { holdsOtherBytes } from '../secrets.ts'
import { terminalText } from '../terminal-text.ts'

export interface SignInOptions {
  readonly server?: string
  readonly deviceName?: string
}

export interface RegisterOptions extends SignInOptions {
  readonly recoveryFile?: string
  readonly invite?: string
  readonly kdf?: KdfProfile
}

/** `register`: makes an account and signs in. */
export async function register(
  context: CommandContext,
  login: string | undefined,
  options: RegisterOptions,
): Promise<ExitCode> {
  if (options.recoveryFile === undefined && !canAsk()) {
    throw new UsageError('Without a terminal, say where the recovery key goes: --recovery-file FILE.')
  }
  // Made first: whoever names a file that exists learns it before they are asked for anything.
  const file = options.recoveryFile === undefined ? null : await createRecoveryFile(options.recoveryFile)
  let identity: Session['identity']
  try {
    const session = await registerInvited(context, options.invite, {
      ...(await signInInput(context, login, options, true)),
      kdf: options.kdf,
      onRecoveryKey: (key) => (file === null ? confirmRecoveryKey(key, context.signal) : file.write(key)),
    })
    identity = session.identity
    await session.close()
  } catch (error) {
    if (file !== null) await dropUnusedFile(context, file, error)
    throw signInError(error)
  }
  await file?.close()
  if (context.output.json) {
    const { login: name, server } = identity
    context.output.document({ login: name, server, recoveryFile: options.recoveryFile ?? null })
  }
  if (file !== null) {
    context.output.note(`The recovery key is in ${quoted(file.path)}; keep it somewhere safe, away from this computer.`)
  }
  context.output.note(
    `Welcome, ${terminalText(identity.login)}. You are signed in to ${terminalText(identity.server)}.`,
  )
  return EXIT.done
}

/** Registers with the code that was given; where one is needed and none was, asks for it. */
async function registerInvited(
  context: CommandContext,
  given: string | undefined,
  input: Parameters<typeof Strongroom.register>[0],
): Promise<Session> {
  const invite = given ?? (context.environment.STRONGROOM_INVITE || undefined)
  if (invite?.trim() === '') throw new UsageError('The invitation is empty.')
  try {
    return await Strongroom.register({ ...input, invite })
  } catch (error) {
    // The server says so before anything is made or shown.
    const isMissing = error instanceof ClientError && error.code === 'invite_required' && invite === undefined
    if (!isMissing || !canAsk()) throw error
    const typed = await askText('Invitation code', { signal: context.signal, missing: '' })
    return await Strongroom.register({ ...input, invite: typed })
  }
}

// Reason: when the answer to the last request was lost, the account may exist, and then this file holds its only
// recovery key. It is removed only if the account surely was not made.
async function dropUnusedFile(context: CommandContext, file: RecoveryFile, error: unknown): Promise<void> {
  const answerLost =
    error instanceof ClientError &&
    ['network', 'server', 'aborted'].includes(error.code) &&
    error.details.reason !== 'not_made'
  if (error instanceof ClientError && error.details.reason === 'changed') {
    await file.close()
    context.output.warn(`strongroom: The recovery key of the account is in ${quoted(file.path)}; keep it.`)
  } else if (file.written && answerLost) {
    await file.close()
    context.output.warn(
      `strongroom: Keep ${quoted(file.path)}: if the account was made all the same, as "strongroom login" tells, it is its recovery key.`,
    )
  } else await file.discard()
}

/** `login`: signs in on this device. */
export async function login(
  context: CommandContext,
  name: string | undefined,
  options: SignInOptions,
): Promise<ExitCode> {
  const input = await signInInput(context, name, options, false)
  let session: Awaited<ReturnType<typeof Strongroom.login>>
  try {
    session = await Strongroom.login({ ...input, onSecondFactor: codeAsker(context) })
  } catch (error) {
    throw signInError(error)
  }
  const { identity } = session
  await session.close()
  if (context.output.json) context.output.document(identity)
  context.output.note(`Signed in to ${terminalText(identity.server)} as ${terminalText(identity.login)}.`)
  return EXIT.done
}

/** `logout`: ends the session and forgets its keys on this device. */
export async function logout(context: CommandContext): Promise<ExitCode> {
  const platform = openPlatform(context)
  const identity = await requireSignedIn(context, platform)
  await Strongroom.logout(platform, { signal: context.signal })
  if (context.output.json) context.output.document(identity)
  context.output.note(`Signed out of ${terminalText(identity.server)}.`)
  return EXIT.done
}

/** `whoami`: the account, its usage and quota. */
export async function whoami(context: CommandContext): Promise<ExitCode> {
  const info = await withSession(context, async (session) => {
    const usage = session.drive.usage()
    return {
      ...(await session.whoami({ signal: context.signal })),
      trashBytes: usage?.trashBytes ?? null,
      oldVersionBytes: usage?.oldVersionBytes ?? null,
    }
  })
  if (context.output.json) {
    context.output.document(info)
    return EXIT.done
  }
  const share = info.quotaBytes > 0 ? ` (${Math.floor((info.usedBytes / info.quotaBytes) * 100)} %)` : ''
  context.output.line(`login    ${terminalText(info.login)}`)
  context.output.line(`server   ${terminalText(info.server)}`)
  context.output.line(`account  ${info.accountId}`)
  context.output.line(`used     ${formatBytes(info.usedBytes)} of ${formatBytes(info.quotaBytes)}${share}`)
  const { trashBytes, oldVersionBytes } = info
  if (trashBytes !== null && oldVersionBytes !== null && trashBytes + oldVersionBytes > 0) {
    const parts = `${formatBytes(trashBytes)} in the trash, ${formatBytes(oldVersionBytes)} in old versions`
    context.output.line(`         of it ${parts}`)
  }
  return EXIT.done
}

async function signInInput(
  context: CommandContext,
  login: string | undefined,
  options: SignInOptions,
  repeat: boolean,
): Promise<Parameters<typeof Strongroom.login>[0]> {
  const { environment, signal } = context
  const place = await signInPlace(context, login, options)
  const message = repeat ? 'New password' : 'Password'
  const password = await readPassword({ environment, signal, message, repeat })
  if (repeat) remarkOnLength(context, password)
  return { ...place, password }
}

/** Where and as whom somebody signs in. */
export async function signInPlace(
  context: CommandContext,
  login: string | undefined,
  options: SignInOptions,
): Promise<Omit<Parameters<typeof Strongroom.login>[0], 'password'>> {
  const { environment, signal } = context
  const serverText =
    options.server ??
    (environment.STRONGROOM_SERVER ||
      (await askText('Server', {
        signal,
        missing: 'No server: set STRONGROOM_SERVER or give --server URL.',
        default: 'http://127.0.0.1:8787',
      })))
  const server = parseServer(serverText)
  const name = login ?? (await askText('Login name', { signal, missing: 'No login name: give it as the argument.' }))
  if (holdsOtherBytes(name)) throw new UsageError('The login name is not UTF-8 text.')
  if (name.trim() === '') throw new UsageError('The login name is empty.')
  return {
    server,
    login: name,
    deviceName: terminalText(options.deviceName ?? '').slice(0, 100) || deviceName(),
    platform: openPlatform(context),
    signal,
  }
}

/** Says to whoever chose a short password what it costs. */
export function remarkOnLength(context: CommandContext, password: string): void {
  if ([...password].length >= 12) return
  context.output.note('This password is short; a longer one keeps your files safe from whoever runs the server too.')
}

/** For devices on which not every profile can be tried. */
export const LITTLE_MEMORY =
  'Or the password needs more memory than this device has: on another one, "strongroom passwd --kdf argon2id-32" changes that.'

/** A wrong password and an unknown account read the same, here as on the wire. */
function signInError(error: unknown): unknown {
  if (!(error instanceof ClientError) || error.code !== 'authentication') return error
  if (['second_factor_required', 'second_factor_failed', 'login_over'].includes(String(error.details.reason)))
    return error
  const memory = error.details.reason === 'little_memory' ? ` ${LITTLE_MEMORY}` : ''
  return new CliError(EXIT.authentication, `Login name or password is wrong; check both and try again.${memory}`, {
    cause: error,
  })
}
