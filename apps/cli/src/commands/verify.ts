import type { Finding, ProgressEvent, VerifyResult } from '@strongroom/client'
import { type CommandContext, withSession } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { CliError, UsageError } from '../failure.ts'
import { createProgress } from '../progress.ts'
import { count, formatBytes } from '../quantity.ts'
import { parseRemotePath } from '../remote-path.ts'
import { terminalText } from '../terminal-text.ts'
import { readTransferOptions, type TransferFlags } from '../transfer-options.ts'

export interface VerifyFlags extends TransferFlags {
  readonly decrypt?: boolean
  readonly sample?: string
  readonly restart?: boolean
}

const SAYS: Readonly<Record<Finding['kind'], string>> = {
  missing: 'is not stored any more',
  damaged: 'is not what was signed',
  key: 'has another key than was signed',
  unreadable: 'could not be read',
}

/** One line for a finding; names are the user's own. */
function findingLine(finding: Finding): string {
  const { kind, path, version, current, trashed, slot, part } = finding
  if (path === null) return `the index snapshot for new devices: ${SAYS[kind]}`
  const about = [
    ...(current ? [] : [`version ${version}`]),
    ...(slot === 'main' ? [] : [slot]),
    ...(trashed ? ['in the trash'] : []),
    ...(part === null ? [] : [`part ${part}`]),
  ]
  return terminalText(`${path}${about.length === 0 ? '' : ` (${about.join(', ')})`}: ${SAYS[kind]}`)
}

/** `verify`: compares every stored content with its signed digests. */
export async function verify(
  context: CommandContext,
  pathText: string | undefined,
  flags: VerifyFlags,
): Promise<ExitCode> {
  const { output } = context
  const path = pathText === undefined ? undefined : parseRemotePath(pathText)
  const options = {
    ...readTransferOptions(context, flags),
    path,
    decrypt: flags.decrypt,
    sample: flags.sample === undefined ? undefined : parseShare(flags.sample),
    restart: flags.restart,
    onFinding: (finding: Finding) => {
      if (!output.json) output.line(findingLine(finding))
    },
  }
  const progress = createProgress(output.interactive)
  const show = progress.newCall()
  let hasBegun = false
  const onProgress = (event: ProgressEvent): void => {
    hasBegun ||= event.type === 'item'
    show(event)
  }
  let result: VerifyResult
  try {
    result = await withSession(context, (session) => session.verify({ ...options, onProgress }))
  } catch (error) {
    if (hasBegun && options.sample === undefined) output.note('Run it again to go on from here.')
    throw error
  } finally {
    progress.stop()
  }
  const { contents, bytes, resumed, findings } = result
  if (output.json) output.document({ contents, bytes, resumed, findings })
  if (resumed > 0) output.note(`Went on after ${count(resumed, 'content')} of an earlier run.`)
  output.note(`As signed: ${count(contents, 'content')} (${formatBytes(bytes)}).`)
  const bad = findings.filter(({ kind }) => kind !== 'unreadable')
  if (bad.length > 0) {
    const files = new Set(bad.map((finding) => finding.path)).size
    throw new CliError(
      EXIT.integrity,
      `${count(files, 'file')} damaged: ask the operator for a backup of the blob store, or upload them again; nothing was changed.`,
    )
  }
  if (findings.length === 0) return EXIT.done
  if (contents === 0) {
    throw new CliError(EXIT.network, 'Nothing could be read; try again later, or tell the operator of the server.')
  }
  throw new CliError(EXIT.partlyDone, `${count(findings.length, 'content')} could not be read; run it again later.`)
}

/** A part of the whole from `5%` or `0.05`. @throws UsageError */
function parseShare(text: string): number {
  const match = /^(\d{1,3}(?:\.\d+)?)(%?)$/.exec(text.trim())
  const share = match === null ? Number.NaN : Number(match[1]) / (match[2] === '%' ? 100 : 1)
  if (share > 0 && share <= 1) return share
  throw new UsageError('--sample takes a share such as 5% or 0.05.')
}
