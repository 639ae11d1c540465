import { join } from 'node:path'
import { isInstalled, outputOf, runProgram } from '../programs.ts'
import type { Stand } from '../stand.ts'

/** Puts a folder into a store of its own, and gets it back. */
export interface TreePeer {
  readonly by: string
  /** Why it cannot be measured. */
  readonly absent?: string
  /** @param run - numbers the puts, each of which goes to another place */
  put(source: string, run: number): Promise<unknown>
  get(run: number, target: string): Promise<unknown>
  /** Before each put, not timed. */
  prepare?(run: number): Promise<unknown>
}

/** An S3 store for rclone, by the names of its own settings. */
export interface RcloneStore {
  readonly by: string
  /** What crypt lies over. */
  readonly remote: string
  readonly env: Readonly<Record<string, string>>
}

const TRANSFERS = ['--transfers', '16']

function missing(by: string, name: string): TreePeer {
  const never = (): Promise<never> => Promise.reject(new Error('absent'))
  return { by, absent: `${name} is not installed (npm run bench -- --peers)`, put: never, get: never }
}

/** The command line, whole: program start, encryption, HTTP, server, flush, commit. */
export function strongroomTree({ device }: Stand): TreePeer {
  return {
    by: 'strongroom',
    put: (source, run) => device.ok(['put', '-r', '--quiet', source, `/run ${run}`]),
    get: (run, target) => device.ok(['get', '-r', '--quiet', `/run ${run}`, target]),
  }
}

/** rclone crypt with 16 transfers over a local folder, or over the store that is given. */
export function rcloneTree({ folder }: Stand, store?: RcloneStore): TreePeer {
  const by = `rclone crypt with 16 transfers, ${store?.by ?? 'to a local folder'}`
  if (!isInstalled('rclone')) return missing(by, 'rclone')
  const env = {
    RCLONE_CONFIG: join(folder, 'rclone.conf'),
    RCLONE_CONFIG_BENCH_TYPE: 'crypt',
    RCLONE_CONFIG_BENCH_REMOTE: store?.remote ?? join(folder, 'rclone-store'),
    RCLONE_CONFIG_BENCH_PASSWORD: outputOf('rclone', ['obscure', 'a bench password']).trim(),
    ...store?.env,
  }
  const copy = (from: string, to: string) => runProgram('rclone', ['copy', ...TRANSFERS, from, to], { env })
  return {
    by,
    put: (source, run) => copy(source, `bench:${run}`),
    get: (run, target) => copy(`bench:${run}`, target),
  }
}

/** restic to a local folder, each file of which it flushes to the disk; each put makes a repository, which is not timed. */
export function resticTree({ folder }: Stand): TreePeer {
  const by = 'restic, to a local folder (flushes its files to the disk)'
  if (!isInstalled('restic')) return missing(by, 'restic')
  const env = { RESTIC_PASSWORD: 'a bench password', RESTIC_CACHE_DIR: join(folder, 'restic-cache') }
  const run = (index: number, ...parameters: string[]) =>
    runProgram('restic', ['-r', join(folder, `restic-store-${index}`), ...parameters], { env })
  return {
    by,
    prepare: (index) => run(index, 'init'),
    put: (source, index) => run(index, 'backup', '--quiet', source),
    get: (index, target) => run(index, 'restore', 'latest', '--target', target),
  }
}
