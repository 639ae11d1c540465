import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bytesFrom } from '../../tests/e2e/src/journeys/seeded-bytes.ts'
import { inTurns, type Row, timed } from '../measure.ts'
import { rcloneTree, resticTree, strongroomTree, type TreePeer } from '../peers/tree-peers.ts'
import { openStand, type Stand } from '../stand.ts'
import { MIB, type Suite, type SuiteOptions } from './suite.ts'

/** What is put and got. */
export interface Load {
  readonly task: string
  /** Makes it in an empty folder. */
  make(folder: string): Promise<void>
}

/** One file of 1 GiB. */
export function largeFile({ quick }: SuiteOptions): Load {
  const size = (quick ? 64 : 1024) * MIB
  return {
    task: `${size / MIB} MiB`,
    make: (folder) => writeFile(join(folder, 'file'), bytesFrom(1, size)),
  }
}

/** 1,000 files of 100 KiB. */
export function smallFiles({ quick }: SuiteOptions): Load {
  const count = quick ? 100 : 1_000
  return {
    task: `${count} × 100 KiB`,
    async make(folder) {
      for (let index = 0; index < count; index += 1) {
        await writeFile(join(folder, `${index}`), bytesFrom(index + 2, 100 * 1024))
      }
    },
  }
}

/** Has all of them put and get a load in turns. */
export async function compareTrees(
  stand: Stand,
  contenders: readonly TreePeer[],
  load: Load,
  { full, quick }: SuiteOptions,
): Promise<Row[]> {
  const runs = full ? 5 : quick ? 1 : 3
  const source = join(stand.folder, 'source')
  await mkdir(source)
  await load.make(source)
  const present = contenders.filter((contender) => contender.absent === undefined)
  const counts = new Map<TreePeer, number>()
  const puts = await inTurns(
    runs,
    present.map((contender) => async () => {
      const run = counts.get(contender) ?? 0
      counts.set(contender, run + 1)
      await contender.prepare?.(run)
      return timed(() => contender.put(source, run))
    }),
  )
  const gets = await inTurns(
    runs,
    present.map((contender) => async () => {
      await stand.clear('target')
      return timed(() => contender.get(0, join(stand.folder, 'target')))
    }),
  )
  return contenders.flatMap((contender): Row[] => {
    const index = present.indexOf(contender)
    const shared = { by: contender.by, unit: 'ms' as const, ...(contender.absent ? { absent: contender.absent } : {}) }
    return [
      { ...shared, task: `put ${load.task}`, samples: puts[index] ?? [] },
      { ...shared, task: `get ${load.task}`, samples: gets[index] ?? [] },
    ]
  })
}

export const transfer: Suite = {
  title: 'Put and get, embedded server and file store',
  async run(options) {
    const rows: Row[] = []
    for (const load of [largeFile(options), smallFiles(options)]) {
      await using stand = await openStand()
      const contenders = [strongroomTree(stand), rcloneTree(stand), resticTree(stand)]
      rows.push(...(await compareTrees(stand, contenders, load, options)))
    }
    return rows
  },
}
