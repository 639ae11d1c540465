import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bytesFrom } from '../../tests/e2e/src/journeys/seeded-bytes.ts'
import { inTurns, type Row, timed } from '../measure.ts'
import { isInstalled, outputOf, runProgram } from '../programs.ts'
import { openStand, type Stand } from '../stand.ts'
import { MIB, type Suite } from './suite.ts'

interface Contender {
  readonly by: string
  readonly absent?: string
  put(source: string, run: number): Promise<unknown>
  get(run: number, target: string): Promise<unknown>
}

function strongroom({ device }: Stand): Contender {
  return {
    by: 'strongroom',
    put: (source, run) => device.ok(['put', '-r', '--quiet', source, `/run ${run}`]),
    get: (run, target) => device.ok(['get', '-r', '--quiet', `/run ${run}`, target]),
  }
}

function rclone({ folder }: Stand): Contender {
  const by = 'rclone crypt, to a local folder'
  if (!isInstalled('rclone')) return { by, absent: 'rclone is not installed', put: absent, get: absent }
  const obscured = outputOf('rclone', ['obscure', 'a bench password']).trim()
  const env = {
    RCLONE_CONFIG: join(folder, 'rclone.conf'),
    RCLONE_CONFIG_BENCH_TYPE: 'crypt',
    RCLONE_CONFIG_BENCH_REMOTE: join(folder, 'rclone-store'),
    RCLONE_CONFIG_BENCH_PASSWORD: obscured,
  }
  return {
    by,
    put: (source, run) => runProgram('rclone', ['copy', source, `bench:${run}`], { env }),
    get: (run, target) => runProgram('rclone', ['copy', `bench:${run}`, target], { env }),
  }
}

function restic({ folder }: Stand): Contender {
  const by = 'restic, to a local folder'
  if (!isInstalled('restic')) return { by, absent: 'restic is not installed', put: absent, get: absent }
  const env = { RESTIC_PASSWORD: 'a bench password', RESTIC_CACHE_DIR: join(folder, 'restic-cache') }
  const repository = (run: number): string => join(folder, `restic-store-${run}`)
  return {
    by,
    put: async (source, run) => {
      await runProgram('restic', ['-r', repository(run), 'init'], { env })
      await runProgram('restic', ['-r', repository(run), 'backup', '--quiet', source], { env })
    },
    get: (run, target) =>
      runProgram('restic', ['-r', repository(run), 'restore', 'latest', '--target', target], { env }),
  }
}

function absent(): Promise<never> {
  return Promise.reject(new Error('absent'))
}

async function compare(stand: Stand, task: string, source: string, runs: number): Promise<Row[]> {
  const contenders = [strongroom(stand), rclone(stand), restic(stand)]
  const present = contenders.filter((contender) => contender.absent === undefined)
  const runOf = nextRun()
  const puts = await inTurns(
    runs,
    present.map((contender) => () => timed(() => contender.put(source, runOf(`${contender.by} ${task}`)))),
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
      { ...shared, task: `put ${task}`, samples: puts[index] ?? [] },
      { ...shared, task: `get ${task}`, samples: gets[index] ?? [] },
    ]
  })
}

/** Numbers the runs of each contender from 0. */
function nextRun(): (name: string) => number {
  const counts = new Map<string, number>()
  return (name) => {
    const count = counts.get(name) ?? 0
    counts.set(name, count + 1)
    return count
  }
}

export const transfer: Suite = {
  title: 'Put and get',
  async run({ full }) {
    const large = (full ? 1024 : 256) * MIB
    const count = full ? 1_000 : 300
    const rows: Row[] = []
    for (const shape of ['large', 'small'] as const) {
      await using stand = await openStand()
      const source = join(stand.folder, 'source')
      await mkdir(source)
      if (shape === 'large') {
        await writeFile(join(source, 'file'), bytesFrom(1, large))
        rows.push(...(await compare(stand, `${large / MIB} MiB`, source, full ? 5 : 3)))
      } else {
        for (let index = 0; index < count; index += 1) {
          await writeFile(join(source, `${index}`), bytesFrom(index + 2, 100 * 1024))
        }
        rows.push(...(await compare(stand, `${count} × 100 KiB`, source, full ? 5 : 3)))
      }
    }
    return rows
  },
}
