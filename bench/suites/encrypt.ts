import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { temporaryFolder } from '../../tests/e2e/src/journeys/files.ts'
import { bytesFrom } from '../../tests/e2e/src/journeys/seeded-bytes.ts'
import { inTurns, type Row, speeds, timed } from '../measure.ts'
import { Failures } from '../peers/failures.ts'
import { type FilePeer, filePeers, PEERS } from '../peers/file-peers.ts'
import { flushDisks, isInstalled, outputOf, runProgram } from '../programs.ts'
import { MIB, type Suite } from './suite.ts'

const BARE = 'strongroom, without the digests of parts'

/** The content format in the threads of the command line, with the hash of each part as an upload makes it. */
async function strongroom(folder: string): Promise<FilePeer[]> {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  await build({
    entryPoints: [
      join(root, 'bench/file-to-file.ts'),
      join(root, 'bench/content-worker-without-digests.ts'),
      join(root, 'packages/client/src/platform/node/content-worker.ts'),
    ],
    outdir: folder,
    entryNames: '[name]',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
  })
  const program = join(folder, 'file-to-file.mjs')
  const run = (task: string, source: string, target: string, worker: string) =>
    runProgram(process.execPath, [program, task, source, target, worker])
  const contender = (by: string, worker: string): FilePeer => ({
    by,
    encrypt: (source, sealed) => run('encrypt', source, sealed, worker),
    decrypt: (sealed, target) => run('decrypt', sealed, target, worker),
  })
  return [contender('strongroom', './content-worker.mjs'), contender(BARE, './content-worker-without-digests.mjs')]
}

/** What `openssl speed` says of AES-256-GCM in memory, which is the limit that this processor sets. */
function limit(task: string, runs: number): Row {
  const row = { task, by: 'openssl speed aes-256-gcm (in memory, one thread)', unit: 'MiB/s' } as const
  if (!isInstalled('openssl')) return { ...row, samples: [], absent: `openssl is not installed (${PEERS})` }
  const way = task.startsWith('decrypt') ? ['-decrypt'] : []
  const measured = (): number => {
    const speed = ['speed', '-mr', '-seconds', '2', '-bytes', '262144', ...way, '-evp', 'aes-256-gcm']
    const line = outputOf('openssl', speed)
      .split('\n')
      .find((candidate) => candidate.startsWith('+F:'))
    return Number(line?.split(':').at(-1)) / MIB
  }
  return { ...row, samples: Array.from({ length: runs }, measured) }
}

/** Those rows once more that say what hashing each part costs: without it, against what does not hash either. */
function withoutDigests(rows: readonly Row[]): Row[] {
  const peers = /^(cp|openssl)/
  return rows
    .filter(({ by }) => by === BARE || peers.test(by))
    .map((row) => ({
      ...row,
      task: `${row.task}, without the digests of parts`,
      by: row.by === BARE ? 'strongroom' : row.by,
    }))
}

export const encrypt: Suite = {
  title: 'Encrypt and decrypt, file to file',
  async run({ full, quick }) {
    await using folder = await temporaryFolder()
    const size = (quick ? 64 : 1024) * MIB
    const runs = full ? 5 : quick ? 1 : 3
    const source = join(folder.path, 'source')
    await writeFile(source, bytesFrom(1, size))
    const contenders = [...(await strongroom(folder.path)), ...(await filePeers(folder.path))]
    const present = contenders.filter((contender) => contender.absent === undefined)
    const failures = new Failures()
    const rows: Row[] = []
    const [encrypted, decrypted] = [`encrypt ${size / MIB} MiB`, `decrypt ${size / MIB} MiB`]
    const sealed = (contender: FilePeer): string => join(folder.path, `sealed-${present.indexOf(contender)}`)
    try {
      const sealing = await inTurns(
        runs,
        present.map(
          (contender) => () =>
            failures.among(contender, async () => {
              await rm(sealed(contender), { force: true })
              await contender.prepare?.(sealed(contender))
              await flushDisks()
              return timed(() => contender.encrypt(source, sealed(contender)))
            }),
        ),
      )
      const target = join(folder.path, 'opened', 'target')
      const opening = await inTurns(
        runs,
        present.map(
          (contender) => () =>
            failures.among(contender, async () => {
              await rm(join(folder.path, 'opened'), { recursive: true, force: true })
              await mkdir(join(folder.path, 'opened'))
              await flushDisks()
              return timed(() => contender.decrypt(sealed(contender), target))
            }),
        ),
      )
      for (const [task, times] of [
        [encrypted, sealing],
        [decrypted, opening],
      ] as const) {
        for (const contender of contenders) {
          const samples = speeds(size, times[present.indexOf(contender)] ?? [])
          rows.push({ task, by: contender.by, samples, unit: 'MiB/s', ...failures.absent(contender) })
        }
        rows.push(limit(task, runs))
      }
    } finally {
      for (const contender of present) await contender.close?.().catch(() => undefined)
    }
    return [...rows, ...withoutDigests(rows)]
  },
}
