import { join } from 'node:path'
import { writeSparse } from '../../tests/e2e/src/journeys/files.ts'
import { peakMemory, watchPeakMemory } from '../../tests/e2e/src/journeys/peak-memory.ts'
import type { Row } from '../measure.ts'
import { openStand } from '../stand.ts'
import { MIB, type Suite } from './suite.ts'

export const memory: Suite = {
  title: 'Peak memory',
  async run({ full, quick }) {
    const rows: Row[] = []
    for (const mebibytes of full ? [64, 1024, 8192] : quick ? [64] : [64, 1024]) {
      await using stand = await openStand()
      const source = join(stand.folder, 'source')
      await writeSparse(source, mebibytes * MIB)
      const peakOf = async (parameters: string[]): Promise<number> => {
        let watch = { stop: () => 0 }
        await stand.device.ok(parameters, {
          timeoutMs: 30 * 60_000,
          onSpawn: (child) => {
            if (child.pid !== undefined) watch = watchPeakMemory(child.pid)
          },
        })
        return watch.stop()
      }
      const put = await peakOf(['put', '--quiet', source, '/file'])
      const get = await peakOf(['get', '--quiet', '/file', join(stand.folder, 'target')])
      const row = (task: string, bytes: number): Row => ({
        task,
        by: 'strongroom',
        samples: [bytes / MIB],
        unit: 'MiB',
      })
      rows.push(row(`client, put ${mebibytes} MiB`, put), row(`client, get ${mebibytes} MiB`, get))
      rows.push(row(`server (without its database), both, ${mebibytes} MiB`, peakMemory(stand.server.pid)))
    }
    return rows
  },
}
