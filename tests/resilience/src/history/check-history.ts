import type { History, SentCommit } from './history.ts'

/** One row of a vault's final log, in the order of seq. */
export interface LoggedCommit {
  readonly seq: number
  /** Hex. */
  readonly hash: string
  /** Hex: the hash before it. */
  readonly prev: string
  /** Hex. */
  readonly changeId: string
}

/** What the database holds of one vault at the end. */
export interface FinalLog {
  /** Hex. */
  readonly vault: string
  readonly head: { readonly seq: number; readonly hash: string }
  readonly commits: readonly LoggedCommit[]
}

/**
 * Whether what clients saw is what a single log would have shown them, that loses nothing: one line for each thing that
 * is not. Empty: every acknowledged commit is there once, in one order, which no client's clock contradicts.
 */
export function historyViolations(history: History, logs: readonly FinalLog[]): string[] {
  const byVault = new Map(logs.map((log) => [log.vault, log]))
  const found = logs.flatMap((log) => [...chainViolations(log), ...orderViolations(history, log)])
  for (const commit of history.sent) {
    if (commit.acknowledgedMs === null) continue
    const there = byVault.get(commit.vault)?.commits.find(({ hash }) => hash === commit.hash)
    if (there === undefined) found.push(`an acknowledged commit is lost: ${name(commit)}`)
    else if (there.seq !== commit.seq) found.push(`an acknowledged commit has another place: ${name(commit)}`)
  }
  return [...found, ...staleHeads(history)]
}

function name({ by, seq, hash }: Pick<SentCommit, 'by' | 'seq' | 'hash'>): string {
  return `${by}, seq ${seq}, ${hash.slice(0, 12)}`
}

/** A log is one chain from genesis to its head, and holds no change twice. */
function chainViolations({ vault, head, commits }: FinalLog): string[] {
  const found: string[] = []
  let before = '0'.repeat(64)
  for (const [index, commit] of commits.entries()) {
    if (commit.seq !== index) found.push(`the log of ${vault} has seq ${commit.seq} at ${index}`)
    if (commit.prev !== before) found.push(`the chain of ${vault} is broken at seq ${commit.seq}`)
    before = commit.hash
  }
  const last = commits.at(-1)
  if (last?.seq !== head.seq || last.hash !== head.hash) found.push(`the head of ${vault} is not its last commit`)
  const changes = new Set(commits.map(({ changeId }) => changeId))
  if (changes.size !== commits.length) found.push(`a change is twice in the log of ${vault}`)
  return found
}

/** Who was answered before another one asked comes before it. */
function orderViolations(history: History, { vault, commits }: FinalLog): string[] {
  // A commit that was sent several times began at the first and was answered at the first answer.
  const times = new Map<string, { sentMs: number; acknowledgedMs: number }>()
  for (const { vault: other, hash, sentMs, acknowledgedMs } of history.sent) {
    if (other !== vault) continue
    const known = times.get(hash) ?? { sentMs: Number.POSITIVE_INFINITY, acknowledgedMs: Number.POSITIVE_INFINITY }
    times.set(hash, {
      sentMs: Math.min(known.sentMs, sentMs),
      acknowledgedMs: Math.min(known.acknowledgedMs, acknowledgedMs ?? Number.POSITIVE_INFINITY),
    })
  }
  const found: string[] = []
  let latestStart = Number.NEGATIVE_INFINITY
  for (const { seq, hash } of commits) {
    const own = times.get(hash)
    if (own === undefined) continue
    if (own.acknowledgedMs < latestStart)
      found.push(`seq ${seq} of ${vault} was answered before an earlier one was sent`)
    latestStart = Math.max(latestStart, own.sentMs)
  }
  return found
}

/** Whoever asks after a commit was acknowledged is told of it. */
function staleHeads(history: History): string[] {
  const acknowledged = history.sent
    .filter((commit) => commit.acknowledgedMs !== null)
    .sort((a, b) => (a.acknowledgedMs ?? 0) - (b.acknowledgedMs ?? 0))
  const asked = [...history.heads].sort((a, b) => a.askedMs - b.askedMs)
  const newest = new Map<string, number>()
  const found: string[] = []
  let next = 0
  for (const head of asked) {
    for (; (acknowledged[next]?.acknowledgedMs ?? Number.POSITIVE_INFINITY) < head.askedMs; next += 1) {
      const { vault, seq } = acknowledged[next] as SentCommit // The condition has looked at it.
      newest.set(vault, Math.max(newest.get(vault) ?? -1, seq))
    }
    const least = newest.get(head.vault) ?? -1
    if (head.seq < least) found.push(`${head.by} was told head ${head.seq} after ${least} was acknowledged`)
  }
  return found
}
