import { ClientError, type Session } from '@strongroom/client'
import { type CommandContext, withSession } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { CliError } from '../failure.ts'
import { readPassword } from '../prompts.ts'
import { count } from '../quantity.ts'
import { readTransferOptions, type TransferFlags } from '../transfer-options.ts'
import { remarkOnLength } from './account.ts'
import { changing } from './credentials.ts'
import { rewrapAll } from './keys-rewrap.ts'
import { withRecoveryFile } from './recovery.ts'

export interface AccountKeyFlags extends TransferFlags {
  readonly recoveryFile?: string
  readonly discardTransfers?: boolean
  readonly dryRun?: boolean
}

/** `keys rotate --account`: a new account key and a new recovery key, under the same password. */
export async function rotateAccount(context: CommandContext, flags: AccountKeyFlags): Promise<ExitCode> {
  const { output } = context
  if (flags.dryRun) {
    if (output.json) output.document({ dryRun: true, changes: ['account-key', 'recovery-key'] })
    else output.line('Would make a new account key and a new recovery key, and sign out your other devices')
    return EXIT.done
  }
  await replaceAccountKey(context, flags, async () => undefined)
  if (output.json) output.document({ changed: 'account-key', recoveryFile: flags.recoveryFile ?? null })
  output.note(
    'The account key is new. The old recovery key opens nothing any more, and your other devices have to sign in again; no file was touched.',
  )
  return EXIT.done
}

/** Replaces the account key in a session of its own, which ends with it. */
async function replaceAccountKey(
  context: CommandContext,
  flags: AccountKeyFlags,
  askNewPassword: () => Promise<string | undefined>,
): Promise<void> {
  const { environment, signal } = context
  await withRecoveryFile(context, flags.recoveryFile, (onRecoveryKey) =>
    withSession(context, async (session) => {
      const password = await readPassword({ environment, signal, message: 'Current password', repeat: false })
      const newPassword = await askNewPassword()
      const { discardTransfers } = flags
      const input = { password, newPassword, onRecoveryKey, discardTransfers, signal }
      await changing(context, () => session.rotateAccountKey(input)).catch(explainTransfers)
    }),
  )
}

function explainTransfers(error: unknown): never {
  if (!(error instanceof ClientError) || error.details.reason !== 'transfers_interrupted') throw error
  throw new CliError(
    EXIT.conflict,
    `${error.message.replace('finish them first.', '')}run their commands again to finish them, or add --discard-transfers to begin them anew later.`,
    { cause: error },
  )
}

/**
 * `keys rotate --leaked`: everything that opens the account is made anew. Cut off at any moment, it is finished by the
 * same command.
 */
export async function answerLeak(context: CommandContext, flags: AccountKeyFlags): Promise<ExitCode> {
  const { output, signal } = context
  const transfer = readTransferOptions(context, flags)
  if (flags.dryRun) {
    const answer = await withSession(context, (session) => session.keys.leakAnswer({ signal }))
    const changes = [
      ...(answer?.isAccountDone ? [] : ['password', 'account-key', 'recovery-key']),
      ...(answer?.isIdentityDone ? [] : ['identity', 'vault-key']),
    ]
    if (output.json) output.document({ dryRun: true, changes })
    else output.line(`Would replace: ${changes.join(', ') || 'nothing; only wrap keys again'}`)
    return EXIT.done
  }
  const begun = await withSession(context, (session) => session.keys.beginLeakAnswer({ signal }))
  if (begun.isAccountDone) output.note('Password, account key and recovery key are new already.')
  else await replaceAccountKey(context, flags, () => askNewPassword(context))
  const result = await withSession(context, (session) => finish(context, session, begun.isIdentityDone, transfer))
  if (output.json) output.document({ changed: 'all', recoveryFile: flags.recoveryFile ?? null, ...result })
  output.note(
    `Password, account key, recovery key, identity and vault key are new, and the keys of ${count(result.contents, 'content')} are wrapped again. Only what is written from now on is protected from who kept copies of the old keys: with the old ones, they open what was stored before, if the server lets them have it. "keys rotate --dek --older-than 0min" gives what is stored new keys. If this device was copied too, run "sessions revoke --everything" and sign in again.`,
  )
  return EXIT.done
}

async function askNewPassword(context: CommandContext): Promise<string> {
  const { environment, signal } = context
  const variable = 'STRONGROOM_NEW_PASSWORD'
  const newPassword = await readPassword({ environment, signal, message: 'New password', repeat: true, variable })
  remarkOnLength(context, newPassword)
  return newPassword
}

async function finish(
  context: CommandContext,
  { keys }: Session,
  isIdentityDone: boolean,
  transfer: ReturnType<typeof readTransferOptions>,
): Promise<{ epoch: number; contents: number }> {
  const { signal } = context
  if (!isIdentityDone) await keys.startEpoch({ identity: true, signal })
  const { contents } = await rewrapAll(context, keys, transfer)
  await keys.endLeakAnswer({ signal })
  const { epoch } = await keys.status({ signal })
  return { epoch, contents }
}
