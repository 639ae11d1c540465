import { ClientError, type SecondFactorSetup, type Session } from '@strongroom/client'
import { type CommandContext, withSession } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { CliError, UsageError } from '../failure.ts'
import { quoted } from '../output.ts'
import { canAsk, readPassword } from '../prompts.ts'
import { count } from '../quantity.ts'
import { createBackupCodesFile, type SecretFile } from '../recovery-file.ts'
import { codeAsker, withCode } from '../second-factor-code.ts'

export interface EnableOptions {
  readonly begin?: boolean
  readonly confirm?: string
  readonly backupFile?: string
}

/** `2fa`, `2fa status`: whether logins ask for a second factor. */
export async function secondFactorStatus(context: CommandContext): Promise<ExitCode> {
  const { output, signal } = context
  const status = await withSession(context, (session) => session.secondFactor.status({ signal }))
  if (output.json) output.document(status)
  else output.line(status.enabled ? `on, ${count(status.backupCodesLeft, 'backup code')} left` : 'off')
  return EXIT.done
}

/** `2fa enable`: sets up an authenticator, checks a code of it, gives backup codes. */
export async function enableSecondFactor(context: CommandContext, options: EnableOptions): Promise<ExitCode> {
  if (options.begin && options.confirm !== undefined) throw new UsageError('Say --begin or --confirm, not both.')
  if (options.begin) return await beginOnly(context)
  if (options.confirm === undefined && !canAsk()) {
    throw new UsageError('Without a terminal, run "2fa enable --begin", then "2fa enable --confirm ID".')
  }
  return await withCodesFile(options.backupFile, (file) =>
    withSession(context, async (session) => {
      const enrolmentId = options.confirm ?? (await showSetup(context, session)).enrolmentId
      const ask = codeAsker(context, 'Code that it shows')
      await giveCodes(
        context,
        session,
        file,
        (code, backupCodes) => session.secondFactor.confirm({ enrolmentId, code, backupCodes, signal: context.signal }),
        ask,
      )
      context.output.note('From now on, signing in asks for a code. A backup code does instead, once each.')
      return EXIT.done
    }),
  )
}

async function beginOnly(context: CommandContext): Promise<ExitCode> {
  const { output } = context
  const setup = await withSession(context, (session) => begin(context, session))
  if (output.json) output.document({ enabled: false, ...setup })
  else {
    output.line(`id      ${setup.enrolmentId}`)
    output.line(`secret  ${setup.secret}`)
    output.line(`uri     ${setup.uri}`)
  }
  output.note(
    'It is not on yet: put the secret into an authenticator, then run "2fa enable --confirm ID" within 30 minutes.',
  )
  return EXIT.done
}

async function showSetup(context: CommandContext, session: Session): Promise<SecondFactorSetup> {
  const setup = await begin(context, session)
  // Reason: only this verb draws, and others need not wait for what draws.
  // Its default: what is no ESM has named exports in Node only, and none in a bundle.
  const { default: qrcode } = await import('qrcode')
  process.stderr.write(`${await qrcode.toString(setup.uri, { type: 'terminal', small: true })}\n`)
  process.stderr.write(`Scan this with an authenticator, or type its secret there: ${grouped(setup.secret)}\n`)
  return setup
}

async function begin(context: CommandContext, session: Session): Promise<SecondFactorSetup> {
  const { signal } = context
  const { enabled } = await session.secondFactor.status({ signal })
  if (enabled) {
    throw new CliError(
      EXIT.conflict,
      'It is on already; "2fa disable" turns it off, "2fa backup-codes" makes new codes.',
    )
  }
  return await session.secondFactor.begin({ password: await currentPassword(context), signal }).catch(wrongPassword)
}

/** `2fa disable`: takes the password and a code. */
export async function disableSecondFactor(context: CommandContext): Promise<ExitCode> {
  const { output, signal } = context
  await withSession(context, async ({ secondFactor }) => {
    const { enabled } = await secondFactor.status({ signal })
    if (!enabled) throw new CliError(EXIT.conflict, 'It is off already.')
    const password = await currentPassword(context)
    await withCode(codeAsker(context), (code) => secondFactor.disable({ password, code, signal }).catch(wrongPassword))
  })
  if (output.json) output.document({ enabled: false })
  output.note('Signing in asks for no code any more; the authenticator entry and the backup codes are worthless now.')
  return EXIT.done
}

/** `2fa backup-codes`: a new set in the place of the old one. */
export async function newBackupCodes(
  context: CommandContext,
  options: Pick<EnableOptions, 'backupFile'>,
): Promise<ExitCode> {
  const { signal } = context
  return await withCodesFile(options.backupFile, (file) =>
    withSession(context, async (session) => {
      const { enabled } = await session.secondFactor.status({ signal })
      if (!enabled) throw new CliError(EXIT.conflict, 'There is no second factor; "2fa enable" sets one up.')
      await giveCodes(
        context,
        session,
        file,
        (code, backupCodes) => session.secondFactor.replaceBackupCodes({ code, backupCodes, signal }),
        codeAsker(context),
      )
      context.output.note('The codes from before work no more.')
      return EXIT.done
    }),
  )
}

/** Makes the file for the codes first, so that whoever names one that exists learns it before they are asked. */
async function withCodesFile(
  path: string | undefined,
  task: (file: SecretFile | null) => Promise<ExitCode>,
): Promise<ExitCode> {
  const file = path === undefined ? null : await createBackupCodesFile(path)
  try {
    return await task(file)
  } finally {
    if (file?.written === false) await file.discard()
    else await file?.close()
  }
}

// Reason: codes count once the server has them, also when its answer was lost. So they are in the file before they are
// sent, and are shown when it is not known whether they count.
async function giveCodes(
  { output }: CommandContext,
  session: Session,
  file: SecretFile | null,
  send: (code: string, backupCodes: readonly string[]) => Promise<void>,
  ask: ReturnType<typeof codeAsker>,
): Promise<void> {
  const codes = session.secondFactor.generateBackupCodes()
  const show = () => {
    if (output.json)
      output.document({ enabled: true, backupCodes: file === null ? codes : null, backupFile: file?.path ?? null })
    else if (file === null) for (const code of codes) output.line(code)
  }
  try {
    await withCode(ask, async (code) => {
      if (file?.written === false) await file.write(codes.join('\n'))
      await send(code, codes)
    })
  } catch (error) {
    const isUnknown = error instanceof ClientError && ['network', 'server', 'aborted'].includes(error.code)
    if (!isUnknown) {
      if (file?.written) await file.discard()
    } else if (file === null) {
      output.warn('strongroom: It is not known whether these backup codes count; see "strongroom 2fa status".')
      for (const code of codes) output.line(code)
    } else output.warn(`strongroom: It is not known whether the codes in ${quoted(file.path)} count; keep it.`)
    throw error
  }
  show()
  const where =
    file === null ? 'These are your backup codes, shown only now' : `The backup codes are in ${quoted(file.path)}`
  output.note(`${where}; keep them where your authenticator is not.`)
}

function currentPassword({ environment, signal }: CommandContext): Promise<string> {
  return readPassword({ environment, signal, message: 'Password', repeat: false })
}

/** Reason: inside a session, a wrong password is no reason to sign in again. */
function wrongPassword(error: unknown): never {
  const isAuthentication = error instanceof ClientError && error.code === 'authentication'
  if (!isAuthentication || error.details.api !== undefined || error.details.reason === 'second_factor_failed')
    throw error
  throw new CliError(EXIT.authentication, 'The password is wrong; check it and try again.', { cause: error })
}

function grouped(secret: string): string {
  return secret.replaceAll(/(.{4})(?=.)/g, '$1 ')
}
