import { ClientError, type DeletedAccount, type DeletionReceipt, type Session, Strongroom } from '@strongroom/client'
import { type CommandContext, openPlatform, requireSignedIn, withSession } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { CliError, UsageError } from '../failure.ts'
import { quoted } from '../output.ts'
import { askText, canAsk, readPassword } from '../prompts.ts'
import { count, formatBytes } from '../quantity.ts'
import { createReceiptFile, type ReceiptFile, readReceiptFile } from '../receipt-file.ts'
import { terminalText } from '../terminal-text.ts'
import { isoTime, shownTime } from '../times.ts'

export interface DeleteFlags {
  readonly confirm?: string
  readonly receipt?: string
}

/** `account delete`: deletes the account for good and keeps the server's receipt. */
export async function deleteAccount(context: CommandContext, flags: DeleteFlags): Promise<ExitCode> {
  const { signal } = context
  const platform = openPlatform(context)
  const identity = await requireSignedIn(context, platform)
  if (flags.confirm === undefined && !canAsk()) {
    throw new UsageError('Without a terminal, say whose account is deleted: --confirm LOGIN.')
  }
  const file = await createReceiptFile(flags.receipt ?? `strongroom-receipt-${identity.accountId.slice(0, 8)}.json`)
  return await withReceiptFile(file, async () => {
    // An earlier attempt may have done it, and its answer was lost.
    const before = await Strongroom.receipt(platform, { accountId: identity.accountId, signal })
    const deleted = before ?? (await withSession(context, (session) => ask(context, session, flags)))
    return await keep(context, deleted, file)
  })
}

async function ask(context: CommandContext, session: Session, flags: DeleteFlags): Promise<DeletedAccount> {
  const { environment, signal, output } = context
  const { login, server } = session.identity
  const info = await session.whoami({ signal })
  await session.drive.sync({ signal })
  const entries = session.drive.listLocal('/', { recursive: true })
  const files = entries.filter((entry) => entry.kind === 'file').length
  output.note(
    `This deletes the account ${terminalText(login)} on ${terminalText(server)} for good, on all devices: ${count(files, 'file')} and ${count(entries.length - files, 'folder')}, ${formatBytes(info.usedBytes)} with trash and old versions, and every key to them. Nobody can undo it, the operator of the server included.`,
  )
  const confirm = flags.confirm ?? (await askText('Type the login name to go on', { signal, missing: '' }))
  const password = await readPassword({ environment, signal, message: 'Password', repeat: false })
  return await session.deleteAccount({ password, confirm, signal })
}

/** `account receipt`: fetches the receipt for an account that was deleted from this device, again. */
export async function fetchReceipt(
  context: CommandContext,
  flags: { account?: string; receipt?: string },
): Promise<ExitCode> {
  const { account } = flags
  if (account !== undefined && !/^[0-9a-f]{32}$/i.test(account)) {
    throw new UsageError('An account is named by its id of 32 hexadecimal digits.')
  }
  const options = account === undefined ? {} : { accountId: account.toLowerCase() }
  const deleted = await Strongroom.receipt(openPlatform(context), { ...options, signal: context.signal })
  if (deleted === null) throw new CliError(EXIT.notFound, 'No account was deleted from this device, or not this one.')
  const file = await createReceiptFile(flags.receipt ?? `strongroom-receipt-${deleted.accountId.slice(0, 8)}.json`)
  return await withReceiptFile(file, () => keep(context, deleted, file))
}

async function withReceiptFile(file: ReceiptFile, task: () => Promise<ExitCode>): Promise<ExitCode> {
  try {
    return await task()
  } catch (error) {
    await file.discard().catch(() => undefined)
    throw error
  }
}

async function keep({ output }: CommandContext, deleted: DeletedAccount, file: ReceiptFile): Promise<ExitCode> {
  const { accountId, server, receipt, details } = deleted
  if (details === null || receipt === null) {
    await file.discard()
    if (output.json) output.document({ accountId, server, receipt: null })
    output.note('The account is deleted. The server has no receipt yet; get it with "strongroom account receipt".')
    return EXIT.done
  }
  await file.write(deleted)
  if (output.json) output.document({ ...document(details), file: file.path })
  output.note(
    `The account is deleted. The receipt is in ${quoted(file.path)}; check it with "strongroom verify-receipt".`,
  )
  output.note(backups(details))
  return EXIT.done
}

/** `verify-receipt`: checks a receipt against the key that this device has pinned, or another. */
export async function verifyReceipt(context: CommandContext, path: string, flags: { key?: string }): Promise<ExitCode> {
  const { output } = context
  const receipt = await readReceiptFile(path)
  let details: DeletionReceipt
  try {
    details = await Strongroom.verifyReceipt({ platform: openPlatform(context), receipt, key: flags.key })
  } catch (error) {
    if (!(error instanceof ClientError) || error.code !== 'integrity') throw error
    throw new CliError(
      EXIT.integrity,
      `The receipt was not signed by ${flags.key === undefined ? 'a server that this device knows' : 'this key'}, or it was changed.`,
      { cause: error },
    )
  }
  if (output.json) output.document(document(details))
  else for (const line of lines(details)) output.line(line)
  return EXIT.done
}

function document(details: DeletionReceipt): Record<string, unknown> {
  const { deletedMs, noiseFromMs, kmsKeySinceMs, issuedMs, ...rest } = details
  return {
    ...rest,
    deleted: isoTime(deletedMs),
    backupsNoiseFrom: noiseFromMs === null ? null : isoTime(noiseFromMs),
    kmsKeySince: kmsKeySinceMs === 0 ? null : isoTime(kmsKeySinceMs),
    issued: isoTime(issuedMs),
  }
}

function lines(details: DeletionReceipt): string[] {
  const { outerKeys, sessions, vaults, commits, blobs, bytes } = details
  const destroyed = [count(outerKeys, 'server key'), count(sessions, 'session'), count(vaults, 'vault')]
  return [
    `account    ${details.accountId}`,
    `deleted    ${shownTime(details.deletedMs)}`,
    `destroyed  ${destroyed.join(', ')} with ${count(commits, 'change')}, ${count(blobs, 'content')} (${formatBytes(bytes)})`,
    `backups    ${backups(details)}`,
    `kms key    ${details.kmsKeyHash}${details.kmsKeySinceMs === 0 ? '' : ` since ${shownTime(details.kmsKeySinceMs)}`}`,
    `signed     ${shownTime(details.issuedMs)} by ${details.publicKey}`,
    `           ${details.server === null ? 'the key that was given' : `the key of ${terminalText(details.server)}`}`,
  ]
}

// Reason: a backup from before the key that the receipt names was in use needs another one to open what was there then.
function backups({ noiseFromMs, kmsKeySinceMs, scope }: DeletionReceipt): string {
  const since = kmsKeySinceMs === 0 ? '' : ` made since ${shownTime(kmsKeySinceMs)}`
  const copies = `Backups of the server's database${since} open nothing of it`
  if (noiseFromMs !== null) return `${copies} from ${shownTime(noiseFromMs)} on.`
  if (scope === 'per-user') return `${copies} once its key is destroyed.`
  return `${copies} once the operator has replaced and destroyed the key that all accounts share; "strongroom account receipt" gets a receipt that says when.`
}
