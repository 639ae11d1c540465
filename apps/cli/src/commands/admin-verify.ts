import type { CommandContext } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { CliError } from '../failure.ts'
import { count, formatBytes } from '../quantity.ts'
import { terminalText } from '../terminal-text.ts'
import type { Admin } from './serve.ts'

interface Problem {
  readonly kind: string
  readonly account?: string
  readonly vault?: string
  readonly blob?: string
  readonly table?: string
  readonly seq?: number
  readonly part?: number
  readonly expected?: number
  readonly found?: number
}

interface Verification {
  readonly examined: Readonly<Record<string, number>>
  readonly problems: number
  readonly frozen: number | null
  readonly store: { objects: number; bytes: number; withoutRow: number; deleted: number } | null
}

interface Place {
  readonly part: string
  readonly place: string
  readonly examined: number
}

/** What is wrong, and what to do about it; `%` stands for what was expected and found. */
const PROBLEMS: Readonly<Record<string, { says: string; mend: string }>> = {
  object_missing: {
    says: 'its object is not in the blob store',
    mend: 'put the object back from a backup of the bucket',
  },
  object_length: {
    says: 'its object has another length (%)',
    mend: 'put the object back from a backup of the bucket',
  },
  object_damaged: {
    says: 'its object differs from its digests',
    mend: 'put the object back from a backup of the bucket',
  },
  object_left: {
    says: 'nobody knows this object, and it was not collected',
    mend: 'see that a server runs and that its log has no "job failed"; run "strongroom admin gc"',
  },
  digest_list: { says: 'its list of digests is cut (%)', mend: 'the row was changed: restore the database' },
  blob_state: { says: 'its state and references contradict each other (%)', mend: 'restore the database' },
  reference_count: { says: 'its count of references is wrong (%)', mend: 'restore the database' },
  references: { says: 'the vault refers to it otherwise than its commits say (%)', mend: 'restore the database' },
  wrap_missing: { says: 'its key is not stored', mend: 'restore the database' },
  commit_missing: { says: 'a commit is missing', mend: 'restore the database' },
  commit_damaged: { says: 'a commit does not hold: it was changed', mend: 'restore the database' },
  head: { says: 'the head is not the newest commit', mend: 'restore the database' },
  checkpoint: { says: 'the checkpoint is of a commit that names none', mend: 'restore the database' },
  usage: { says: 'is charged other bytes than it stores (%)', mend: 'tell the maintainers; nothing is lost' },
  setup: { says: 'needs another login setup', mend: 'put the object "opaque-setup" of its backup back' },
  outer_key_missing: { says: 'has rows whose outer key is not there', mend: 'restore the database' },
  sealed_damaged: { says: 'has rows that do not open', mend: 'restore the database, with the keys of its time' },
  audit: { says: 'its audit log does not hold', mend: 'someone changed the database: see "admin audit verify"' },
}

/** One line for a problem: what it is about, what is wrong, what to do. */
function problemLine(problem: Problem): string {
  const { says, mend } = PROBLEMS[problem.kind] ?? { says: problem.kind, mend: 'see docs/operations.md' }
  const about = (['account', 'vault', 'blob', 'table', 'seq', 'part'] as const).flatMap((name) =>
    problem[name] === undefined ? [] : [`${name === 'seq' ? 'commit' : name} ${problem[name]}`],
  )
  const { expected, found } = problem
  const amounts = [expected === undefined ? '' : `${expected} expected`, found === undefined ? '' : `${found} found`]
  return terminalText(
    `${about.join(' ')}: ${says.replace('%', amounts.filter((text) => text !== '').join(', '))}; ${mend}`,
  )
}

/** `admin verify`: database and blob store against each other, both ways, without any user's key. */
export async function adminVerify(
  { output, signal }: CommandContext,
  admin: Admin,
  flags: { deep?: boolean; keys?: boolean; after?: string },
): Promise<ExitCode> {
  const problems: Problem[] = []
  let place: string | null = null
  const onItem = (item: unknown): void => {
    const problem = item as Problem // as the operation declares it
    problems.push(problem)
    if (output.interactive) process.stderr.write('\r\u001b[K')
    if (!output.json) output.line(problemLine(problem))
  }
  const onProgress = (value: unknown): void => {
    const done = value as Place // as the operation reports it
    place = done.place
    if (output.interactive) process.stderr.write(`\r${done.part}: ${done.examined}\u001b[K`)
  }
  const input = {
    deep: flags.deep ?? false,
    keys: flags.keys ?? false,
    ...(flags.after === undefined ? {} : { after: flags.after }),
  }
  let answer: Verification
  try {
    answer = (await admin.call('verify', input, { signal, onItem, onProgress })) as Verification // checked there
  } catch (error) {
    if (output.interactive) process.stderr.write('\r\u001b[K')
    if (place !== null) output.warn(`strongroom: To go on from here, add: --after ${place}`)
    throw error
  }
  if (output.interactive) process.stderr.write('\r\u001b[K')
  if (output.json) output.document({ ...answer, problems })
  const { examined, store, frozen } = answer
  const parts = [
    count(examined.accounts ?? 0, 'account'),
    count(examined.vaults ?? 0, 'vault'),
    count(examined.blobs ?? 0, 'blob'),
    ...(store === null ? [] : [`${count(store.objects, 'object')} (${formatBytes(store.bytes)})`]),
  ]
  output.note(`Examined ${parts.join(', ')}.`)
  if (store !== null && store.withoutRow + store.deleted > 0) {
    output.note(`Belonging to nobody, and to be collected: ${count(store.withoutRow + store.deleted, 'object')}.`)
  }
  if (frozen !== null && frozen > 0)
    output.note(`Not opened, because their key is disabled: ${count(frozen, 'account')}.`)
  if (answer.problems === 0) {
    output.note('Database and blob store hold what they should.')
    return EXIT.done
  }
  throw new CliError(EXIT.failed, `${count(answer.problems, 'problem')} found; docs/operations.md says what to do.`)
}
