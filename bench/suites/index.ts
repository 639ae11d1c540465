import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Strongroom } from '@strongroom/client'
import { build } from 'esbuild'
import { startDevServer } from '../../tests/dev-env/server.ts'
import { type BulkWriter, bulkWriter } from '../../tests/e2e/src/checkpoints/bulk-writer.ts'
import { temporaryFolder } from '../../tests/e2e/src/journeys/files.ts'
import { freshLogin, registerDevice } from '../../tests/e2e/src/sdk/sdk.ts'
import { nameOf } from '../index-files.ts'
import type { Row } from '../measure.ts'
import type { Suite } from './suite.ts'

const PER_COMMIT = 1_000
const TAIL = 100
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** For packages that are no ESM; as `scripts/build.mjs` has it. */
const REQUIRE = `import { createRequire as nodeRequire } from 'node:module'; const require = nodeRequire(import.meta.url);`
const THREADS = join(ROOT, 'packages/client/src/platform/node')

async function fill(bulk: BulkWriter, files: number): Promise<void> {
  for (let done = 0; done < files; done += PER_COMMIT) {
    const { nodeId, operations } = bulk.folder(`folder ${done}`)
    const names = Array.from({ length: Math.min(PER_COMMIT, files - done) }, (_, index) => nameOf(done + index))
    await bulk.commit([...operations, ...(await bulk.files(nodeId, names))])
  }
}

/** Bundles `index-device.ts` with its threads beside it, as users have them; runs it, and gives what it prints. */
async function deviceProcess(folder: string): Promise<(...parameters: string[]) => Promise<DeviceTimes>> {
  await build({
    entryPoints: {
      device: join(ROOT, 'bench/index-device.ts'),
      'content-worker': join(THREADS, 'content-worker.ts'),
      'opaque-worker': join(THREADS, 'opaque-worker.ts'),
    },
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    banner: { js: REQUIRE },
    logLevel: 'error',
  })
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  return async (...parameters) => {
    const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'device.js'), ...parameters])
    // What `index-device.ts` prints.
    return JSON.parse(stdout) as DeviceTimes
  }
}

interface DeviceTimes {
  readonly listed: number
  readonly bare?: number
  readonly search?: readonly number[]
}

export const index: Suite = {
  title: 'Open a vault, and search in it',
  async run({ full, quick }) {
    const server = await startDevServer()
    await using bundle = await temporaryFolder()
    const runDevice = await deviceProcess(bundle.path)
    const rows: Row[] = []
    const sizes = quick ? [1_000] : [1_000, 10_000, 100_000, ...(full ? [1_000_000] : [])]
    try {
      for (const files of sizes) {
        const login = freshLogin()
        await using writer = await registerDevice(server.url, login)
        const bulk = await bulkWriter(writer)
        await fill(bulk, files)
        bulk.close()
        // A change of the client's own names the checkpoint that others begin from, at the latest when the session ends.
        await writer.session.drive.mkdir('/named')
        await writer.session.close()
        const author = await Strongroom.resume(writer.platform)
        if (author === null) throw new Error('nobody is signed in')

        const runs = quick ? 1 : files > 100_000 ? 3 : 5
        const samples: Record<string, number[]> = { listed: [], bare: [], beyond: [], warm: [], tail: [], search: [] }
        const note = (name: string, ...ms: readonly number[]): void => void samples[name]?.push(...ms)
        for (let run = 0; run < runs; run += 1) {
          await using home = await temporaryFolder()
          const { listed, bare = 0, search = [] } = await runDevice('new', server.url, login, home.path)
          note('listed', listed)
          note('bare', bare)
          note('beyond', listed - bare)
          note('search', ...search)
          note('warm', (await runDevice('again', home.path)).listed)
          for (let commit = 0; commit < TAIL; commit += 1) {
            await author.drive.mkdir(`/tail ${run} ${commit}`)
          }
          note('tail', (await runDevice('again', home.path)).listed)
        }
        await author.close()
        const row = (task: string, name: string): Row => ({
          task: `${files} files: ${task}`,
          by: 'strongroom',
          samples: samples[name] ?? [],
          unit: 'ms',
        })
        rows.push(
          row('new device, signed in until listed', 'listed'),
          row('of it: the bare transfer of the same checkpoint and commits', 'bare'),
          row('of it: beyond that', 'beyond'),
          row('opened again, nothing new', 'warm'),
          row(`opened again, ${TAIL} commits behind`, 'tail'),
          row('search for three letters, at most 1,000 found', 'search'),
        )
      }
    } finally {
      await server.stop()
    }
    return rows
  },
}
