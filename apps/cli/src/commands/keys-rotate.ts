import type { Keys, RotateResult, Session } from '@strongroom/client'
import { type CommandContext, withSession } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { UsageError } from '../failure.ts'
import { createProgress } from '../progress.ts'
import { count, formatBytes } from '../quantity.ts'
import { failureList } from '../targets.ts'
import { readTransferOptions, type TransferFlags } from '../transfer-options.ts'
import { parseAge } from './keys.ts'
import { answerLeak, rotateAccount } from './keys-account.ts'
import { rewrapAll } from './keys-rewrap.ts'

export interface KeysRotateFlags extends TransferFlags {
  readonly dek?: boolean
  readonly epoch?: boolean
  readonly account?: boolean
  readonly leaked?: boolean
  readonly recoveryFile?: string
  readonly discardTransfers?: boolean
  readonly olderThan?: string
  readonly dryRun?: boolean
}

const KINDS = ['dek', 'epoch', 'account', 'leaked'] as const
type Kind = (typeof KINDS)[number]

/** `keys rotate`: gives contents, or the vault, new keys. */
export async function keysRotate(context: CommandContext, flags: KeysRotateFlags): Promise<ExitCode> {
  const kind = kindOf(flags)
  if (flags.olderThan !== undefined && kind !== 'dek') throw new UsageError('--older-than goes with --dek.')
  const makesRecoveryKey = kind === 'account' || kind === 'leaked'
  if (!makesRecoveryKey && (flags.recoveryFile !== undefined || flags.discardTransfers)) {
    throw new UsageError('--recovery-file and --discard-transfers go with --account or --leaked.')
  }
  if (kind === 'account') return await rotateAccount(context, flags)
  if (kind === 'leaked') return await answerLeak(context, flags)
  return await withSession(context, (session) =>
    kind === 'epoch' ? rotateEpoch(context, session.keys, flags) : rotateContents(context, session, flags),
  )
}

function kindOf(flags: KeysRotateFlags): Kind {
  const given = KINDS.filter((kind) => flags[kind])
  if (given.length > 1) throw new UsageError('One kind of key at a time: --dek, --epoch, --account or --leaked.')
  return given[0] ?? 'dek'
}

async function rotateEpoch(context: CommandContext, keys: Keys, flags: KeysRotateFlags): Promise<ExitCode> {
  const { output, signal } = context
  const transfer = readTransferOptions(context, flags)
  if (flags.dryRun) {
    const { epoch, total } = await keys.status({ signal })
    if (output.json) output.document({ dryRun: true, epoch: epoch + 1, contents: total.contents })
    else output.line(`Would start epoch ${epoch + 1} and wrap the keys of ${count(total.contents, 'content')} again`)
    return EXIT.done
  }
  const { epoch, own } = await keys.startEpoch({ signal })
  output.note(own ? `Epoch ${epoch} has begun.` : `Epoch ${epoch} has begun on another device meanwhile.`)
  const result = await rewrapAll(context, keys, transfer)
  if (output.json) output.document({ epoch, own, ...result })
  else {
    output.note(
      `The keys of ${count(result.contents, 'content')} are wrapped under the new vault key. This takes nothing back: whoever has copied a content's key keeps it; "keys rotate --dek" gives contents new keys.`,
    )
  }
  return EXIT.done
}

async function rotateContents(
  context: CommandContext,
  { keys }: Pick<Session, 'keys'>,
  flags: KeysRotateFlags,
): Promise<ExitCode> {
  const { output, signal } = context
  const transfer = readTransferOptions(context, flags)
  const olderThanMs = parseAge(flags.olderThan)
  if (flags.dryRun) {
    const { due } = await keys.status({ olderThanMs, signal })
    if (output.json) output.document({ dryRun: true, ...due })
    else output.line(`Would give new keys to ${count(due.contents, 'content')} (${formatBytes(due.bytes)})`)
    return EXIT.done
  }
  const failures = failureList(output)
  const progress = createProgress(output.interactive)
  let result: RotateResult
  try {
    result = await keys.rotateContents({ ...transfer, olderThanMs, onProgress: progress.newCall() })
  } finally {
    progress.stop()
  }
  for (const { path, error } of result.failures) failures.add(path, error)
  const { contents, bytes, skipped } = result
  if (output.json) output.document({ contents, bytes, skipped, failed: failures.list })
  else {
    const parts = [`New keys for ${count(contents, 'content')} (${formatBytes(bytes)})`]
    if (skipped > 0) parts.push(`${skipped} changed meanwhile`)
    if (failures.list.length > 0) parts.push(`${failures.list.length} failed`)
    output.note(`${parts.join(', ')}.`)
  }
  return failures.exitCode(contents)
}
