import { ClientError, type KdfProfile, Strongroom } from '@strongroom/client'
import { type CommandContext, withSession } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { CliError, UsageError } from '../failure.ts'
import { quoted } from '../output.ts'
import { canAsk, confirmRecoveryKey, readPassword } from '../prompts.ts'
import { readRecoveryKey } from '../recovery-key-input.ts'
import { codeAsker } from '../second-factor-code.ts'
import { terminalText } from '../terminal-text.ts'
import { createUnconfirmedFile, type UnconfirmedFile } from '../unconfirmed-file.ts'
import { remarkOnLength, type SignInOptions, signInPlace } from './account.ts'
import { changing } from './credentials.ts'

/** `recovery test`: whether a recovery key is that of the account. */
export async function testRecovery(context: CommandContext, options: { recoveryKeyFile?: string }): Promise<ExitCode> {
  const { output, signal } = context
  const valid = await withSession(context, async (session) =>
    session.testRecoveryKey(await readRecoveryKey(context, options.recoveryKeyFile), { signal }),
  )
  if (output.json) output.document({ valid })
  if (!valid) {
    throw new CliError(
      EXIT.authentication,
      'That is not the recovery key of this account; "strongroom recovery new" makes a new one.',
    )
  }
  output.note('That is the recovery key of this account.')
  return EXIT.done
}

/** `recovery new`: replaces the recovery key. */
export async function renewRecovery(context: CommandContext, options: { recoveryFile?: string }): Promise<ExitCode> {
  const { environment, signal, output } = context
  await withRecoveryFile(context, options.recoveryFile, (onRecoveryKey) =>
    withSession(context, async (session) => {
      const password = await readPassword({ environment, signal, message: 'Password', repeat: false })
      await changing(context, () => session.replaceRecoveryKey({ password, onRecoveryKey, signal }))
    }),
  )
  if (output.json) output.document({ changed: 'recovery-key', recoveryFile: options.recoveryFile ?? null })
  output.note('The new recovery key counts from now on; the old one opens nothing any more.')
  return EXIT.done
}

export interface UseOptions extends SignInOptions {
  readonly recoveryFile?: string
  readonly recoveryKeyFile?: string
  readonly kdf?: KdfProfile
}

/** `recovery use`: signs in by the recovery key, with a new password and a new recovery key. */
export async function useRecovery(
  context: CommandContext,
  login: string | undefined,
  options: UseOptions,
): Promise<ExitCode> {
  const { environment, signal, output } = context
  const identity = await withRecoveryFile(context, options.recoveryFile, async (onRecoveryKey) => {
    const place = await signInPlace(context, login, options)
    const recoveryKey = await readRecoveryKey(context, options.recoveryKeyFile)
    const newPassword = await readPassword({
      environment,
      signal,
      message: 'New password',
      repeat: true,
      variable: 'STRONGROOM_NEW_PASSWORD',
    })
    remarkOnLength(context, newPassword)
    const { kdf } = options
    const onSecondFactor = codeAsker(context)
    const input = { ...place, recoveryKey, newPassword, kdf, onRecoveryKey, onSecondFactor }
    const session = await Strongroom.recover(input).catch(recoveryError)
    await session.close()
    return session.identity
  })
  if (output.json) output.document({ ...identity, recoveryFile: options.recoveryFile ?? null })
  output.note(
    `Signed in to ${terminalText(identity.server)} as ${terminalText(identity.login)}, with the new password. The old recovery key opens nothing any more, and your other devices have to sign in again.`,
  )
  return EXIT.done
}

/** A wrong key and an unknown account read the same, here as on the wire. */
function recoveryError(error: unknown): never {
  if (!(error instanceof ClientError) || error.details.api !== 'recovery_failed') throw error
  throw new CliError(EXIT.authentication, `${error.message} Check both and begin again.`, { cause: error })
}

/** Runs what makes a new recovery key, which goes to a file or to the terminal; until it ends, the old one counts. */
export async function withRecoveryFile<T>(
  context: CommandContext,
  path: string | undefined,
  task: (onRecoveryKey: (text: string) => Promise<void>) => Promise<T>,
): Promise<T> {
  const { signal } = context
  if (path === undefined) {
    if (!canAsk())
      throw new UsageError('Without a terminal, say where the new recovery key goes: --recovery-file FILE.')
    return await task((key) => confirmRecoveryKey(key, signal, 'the old key still counts'))
  }
  const file = await createUnconfirmedFile(path)
  let result: T
  try {
    result = await task((key) => file.write(key))
  } catch (error) {
    await settleFile(context, file, error)
    throw error
  }
  await file.confirm()
  context.output.note(`The new recovery key is in ${quoted(path)}; keep it somewhere safe, away from this computer.`)
  return result
}

async function settleFile(context: CommandContext, file: UnconfirmedFile, error: unknown): Promise<void> {
  const reason = error instanceof ClientError ? error.details.reason : undefined
  if (reason === 'changed') {
    await file.confirm()
    context.output.warn(`strongroom: The new recovery key counts; it is in ${quoted(file.path)}.`)
    return
  }
  if (reason !== 'outcome_unknown') return await file.discard()
  await file.keep()
  context.output.warn(
    `strongroom: The new recovery key may count: it is in ${quoted(file.unconfirmedPath)}. Keep it and the old one until "strongroom recovery test" has told.`,
  )
}
