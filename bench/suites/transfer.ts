import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bytesFrom } from '../../tests/e2e/src/journeys/seeded-bytes.ts'
import { inTurns, type Row, timed } from '../measure.ts'
import { Failures } from '../peers/failures.ts'
import { rcloneTree, resticTree, strongroomTree, type TreePeer } from '../peers/tree-peers.ts'
import { flushDisks } from '../programs.ts'
import { openStand, type Stand } from '../stand.ts'
import { MIB, type Suite, type SuiteOptions } from './suite.ts'

/** What is put and got. */
export interface Load {
  readonly task: string
  /** Makes it in an empty folder. */
  make(folder: string): Promise<void>
  /**
   * Whether each get has a folder of its own. When ext4 makes a file it looks at all that were removed lately, so that
   * clearing a folder of many files makes whoever writes next pay for it.
   */
  readonly isMany: boolean
}

/** One file of 1 GiB. */
export function largeFile({ quick }: SuiteOptions): Load {
  const size = (quick ? 64 : 1024) * MIB
  return {
    task: `${size / MIB} MiB`,
    isMany: false,
    make: (folder) => writeFile(join(folder, 'file'), bytesFrom(1, size)),
  }
}

/** 1,000 files of 100 KiB. */
export function smallFiles({ quick }: SuiteOptions): Load {
  const count = quick ? 100 : 1_000
  return {
    task: `${count} × 100 KiB`,
    isMany: true,
    async make(folder) {
      for (let index = 0; index < count; index += 1) {
        await writeFile(join(folder, `${index}`), bytesFrom(index + 2, 100 * 1024))
      }
    },
  }
}

/** Milliseconds of each run, of each contender: of itself, and until all of it was on the disk. */
interface Taken {
  readonly bare: readonly number[][]
  readonly flushed: readonly number[][]
}

/**
 * Has all of them put and get a load in turns. What one has left in the memory of the system is on the disk before the next
 * begins, or that one's flush would pay for it; how long that takes is told as well, where all of it is local.
 */
export async function compareTrees(
  stand: Stand,
  contenders: readonly TreePeer[],
  load: Load,
  { full, quick, isLocal }: SuiteOptions & { readonly isLocal: boolean },
): Promise<Row[]> {
  const runs = full ? 5 : quick ? 1 : 3
  const source = join(stand.folder, 'source')
  await mkdir(source)
  await load.make(source)
  const present = contenders.filter((contender) => contender.absent === undefined)
  const counts = new Map<TreePeer, number>()
  const failures = new Failures()
  const measure = async (readied: (contender: TreePeer) => Promise<() => Promise<unknown>>): Promise<Taken> => {
    const flushed: number[][] = present.map(() => [])
    const bare = await inTurns(
      runs,
      present.map(
        (contender, index) => () =>
          failures.among(contender, async () => {
            const act = await readied(contender)
            await flushDisks()
            const taken = await timed(act)
            flushed[index]?.push(taken + (await timed(flushDisks)))
            return taken
          }),
      ),
    )
    return { bare, flushed }
  }
  const puts = await measure(async (contender) => {
    const run = counts.get(contender) ?? 0
    counts.set(contender, run + 1)
    await contender.prepare?.(run)
    return () => contender.put(source, run)
  })
  let got = 0
  const gets = await measure(async (contender) => {
    const target = load.isMany ? `target ${got++}` : 'target'
    await stand.clear(target)
    return () => contender.get(0, join(stand.folder, target))
  })
  return contenders.flatMap((contender): Row[] => {
    const index = present.indexOf(contender)
    const { by } = contender
    const rowsOf = (verb: string, { bare, flushed }: Taken): Row[] => {
      const task = `${verb} ${load.task}`
      const row = { by, unit: 'ms', ...failures.absent(contender) } as const
      const rows: Row[] = [{ ...row, task, samples: bare[index] ?? [] }]
      if (isLocal) rows.push({ ...row, task: `${task}, and the flush of the disk`, samples: flushed[index] ?? [] })
      return rows
    }
    return [...rowsOf('put', puts), ...rowsOf('get', gets)]
  })
}

export const transfer: Suite = {
  title: 'Put and get, embedded server and file store',
  async run(options) {
    const rows: Row[] = []
    for (const load of [largeFile(options), smallFiles(options)]) {
      await using stand = await openStand()
      const contenders = [strongroomTree(stand), rcloneTree(stand), resticTree(stand)]
      rows.push(...(await compareTrees(stand, contenders, load, { ...options, isLocal: true })))
    }
    return rows
  },
}
