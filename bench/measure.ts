/** One line of a table: several runs of one thing, and what they are worth. */
export interface Row {
  /** What is measured, such as `put 256 MiB`. */
  readonly task: string
  /** Who does it. */
  readonly by: string
  /** Milliseconds, or bytes where the unit says so, of each run; empty when absent. */
  readonly samples: readonly number[]
  readonly unit: 'ms' | 'MiB/s' | '/s' | 'calls' | 'MiB' | '%' | '×'
  /** Why there are no samples. */
  readonly absent?: string
}

export interface Summary {
  readonly median: number
  readonly least: number
  readonly most: number
}

export function summarise(samples: readonly number[]): Summary | null {
  const sorted = [...samples].sort((a, b) => a - b)
  const [least, most] = [sorted[0], sorted.at(-1)]
  if (least === undefined || most === undefined) return null
  const middle = Math.floor(sorted.length / 2)
  const [upper, lower] = [sorted[middle] ?? 0, sorted[middle - 1] ?? 0]
  return { median: sorted.length % 2 === 1 ? upper : (upper + lower) / 2, least, most }
}

/** Who is compared with everyone else that has the same task. */
export const OURS = 'strongroom'

/** How many times better than this row's median ours is, above 1 faster or smaller; null where there is nothing to compare. */
export function ratio(row: Row, rows: readonly Row[]): number | null {
  const ours = summarise(rows.find(({ task, by }) => task === row.task && by === OURS)?.samples ?? [])
  const theirs = summarise(row.samples)
  if (ours === null || theirs === null || row.by === OURS) return null
  return better(row.unit) === 'more' ? ours.median / theirs.median : theirs.median / ours.median
}

/** Whether more or less of a unit is better; null where that is not the unit's to say. */
export function better(unit: Row['unit']): 'more' | 'less' | null {
  if (unit === '%') return null
  return unit.endsWith('/s') || unit === '×' ? 'more' : 'less'
}

/** Milliseconds that a task takes. */
export async function timed(task: () => Promise<unknown> | unknown): Promise<number> {
  const begun = performance.now()
  await task()
  return performance.now() - begun
}

/**
 * Runs contenders in turns, so that a slow minute of the machine hits all of them; each round begins with another one, since
 * whoever is first may find the machine in another state: a virtual one has given memory back to its host meanwhile.
 *
 * @returns samples of each contender, in their order; none of what was undefined
 */
export async function inTurns<T>(runs: number, contenders: readonly (() => Promise<T | undefined>)[]): Promise<T[][]> {
  const samples: T[][] = contenders.map(() => [])
  for (let run = 0; run < runs; run += 1) {
    for (let turn = 0; turn < contenders.length; turn += 1) {
      const index = (run + turn) % contenders.length
      const sample = await contenders[index]?.()
      if (sample !== undefined) samples[index]?.push(sample)
    }
  }
  return samples
}

/** Speed of each sample. */
export function speeds(bytes: number, milliseconds: readonly number[]): number[] {
  return milliseconds.map((ms) => bytes / 1024 / 1024 / (ms / 1000))
}
