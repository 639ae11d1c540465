import { ClientError, type KdfProfile } from '@strongroom/client'
import { type CommandContext, withSession } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { CliError, UsageError } from '../failure.ts'
import { readPassword } from '../prompts.ts'
import { terminalText } from '../terminal-text.ts'
import { LITTLE_MEMORY, remarkOnLength } from './account.ts'

/** `passwd`: replaces the password, or what stretches it. */
export async function passwd(context: CommandContext, options: { kdf?: KdfProfile }): Promise<ExitCode> {
  const { environment, signal, output } = context
  await withSession(context, async (session) => {
    const current = await readPassword({ environment, signal, message: 'Current password', repeat: false })
    const next = await readPassword({
      environment,
      signal,
      message: 'New password',
      repeat: true,
      variable: 'STRONGROOM_NEW_PASSWORD',
    })
    remarkOnLength(context, next)
    await changing(context, () => session.changePassword({ current, next, kdf: options.kdf, signal }))
  })
  if (output.json) output.document({ changed: 'password' })
  output.note('The password is changed. Your other devices have to sign in again; no file was touched.')
  return EXIT.done
}

/** `account rename`: replaces the login name. */
export async function renameAccount(context: CommandContext, name: string): Promise<ExitCode> {
  const { environment, signal, output } = context
  if (name.trim() === '') throw new UsageError('The login name is empty.')
  const identity = await withSession(context, async (session) => {
    const password = await readPassword({ environment, signal, message: 'Password', repeat: false })
    await changing(context, () => session.changeLogin({ password, login: name, signal }))
    return session.identity
  })
  if (output.json) output.document(identity)
  output.note(`You sign in as ${terminalText(identity.login)} now. Your other devices have to sign in again.`)
  return EXIT.done
}

/** Runs a change of secrets and says of its errors what they mean here. */
export async function changing<T>(context: CommandContext, task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (error) {
    if (!(error instanceof ClientError)) throw error
    const { reason, api } = error.details
    // Reason: an interrupted command prints one word, and this is what its user has to know.
    if (error.code === 'aborted' && reason === 'outcome_unknown') context.output.warn(`strongroom: ${error.message}`)
    const isPassword = error.code === 'authentication' && (api === undefined || api === 'login_failed')
    if (!isPassword) throw error
    const memory = reason === 'little_memory' ? ` ${LITTLE_MEMORY}` : ''
    throw new CliError(EXIT.authentication, `The password is wrong; nothing was changed.${memory}`, { cause: error })
  }
}
