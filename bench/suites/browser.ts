import { link, mkdir, readdir, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { hashOf } from '../../tests/e2e/src/journeys/files.ts'
import { watchTogether } from '../browser-memory.ts'
import { inTurns, type Row, timed } from '../measure.ts'
import { flushDisks } from '../programs.ts'
import { openStand, type Stand } from '../stand.ts'
import { openWebTab, type WebTab } from '../web-tab.ts'
import { MIB, type Suite, type SuiteOptions } from './suite.ts'
import { type Load, largeFile, smallFiles } from './transfer.ts'

const LOGIN = 'bench@example.org'

interface Measured {
  readonly ms: number
  /** The most memory that the browser took; null where it is not measured. */
  readonly bytes: number | null
}

/** Runs an act, and notes how long it takes and the most that the browser takes meanwhile. */
async function watched(tab: WebTab, act: () => Promise<unknown>): Promise<Measured> {
  await flushDisks()
  const memory = watchTogether(tab.browser.pid)
  const ms = await timed(act)
  return { ms, bytes: memory.stop() }
}

function rowsOf(task: string, by: string, samples: readonly Measured[]): Row[] {
  const memory = samples.flatMap(({ bytes }) => (bytes === null ? [] : [bytes / MIB]))
  const time: Row = { task, by, unit: 'ms', samples: samples.map(({ ms }) => ms) }
  return memory.length === 0 ? [time] : [time, { task: `${task}, peak memory`, by, unit: 'MiB', samples: memory }]
}

/** Files of a load under names of a run, as hard links, so that no run meets what the last one left. */
async function filesOf(stand: Stand, run: number): Promise<string[]> {
  const [source, folder] = [join(stand.folder, 'source'), join(stand.folder, `of ${run}`)]
  await mkdir(folder, { recursive: true })
  const names = await readdir(source)
  return await Promise.all(
    names.map(async (name) => {
      const path = join(folder, `${run} ${name}`)
      await link(join(source, name), path)
      return path
    }),
  )
}

/** @throws Error unless a file holds what another one does */
async function requireSame(path: string, original: string): Promise<void> {
  if ((await hashOf(path)) !== (await hashOf(original))) throw new Error('What came back is not what was sent.')
}

interface Contender {
  readonly by: string
  put(run: number): Promise<Measured>
  /** Gets the first file of a put, and compares it. */
  get(run: number): Promise<Measured>
}

/** The web app, to which a put is files that were picked, and a get a press on its button for downloads. */
function webApp(stand: Stand, tab: WebTab): Contender {
  const first = new Map<number, string>()
  return {
    by: 'strongroom',
    async put(run) {
      const paths = await filesOf(stand, run)
      first.set(run, paths[0] ?? '')
      const measured = await watched(tab, () => tab.upload(paths))
      await tab.clear()
      return measured
    },
    async get(run) {
      const path = first.get(run) ?? ''
      let saved = ''
      const measured = await watched(tab, async () => {
        saved = await tab.download(basename(path))
      })
      await requireSame(saved, path)
      await rm(saved)
      return measured
    },
  }
}

function commandLine(stand: Stand): Contender {
  const source = join(stand.folder, 'source')
  const timedOnly = async (parameters: readonly string[]): Promise<Measured> => {
    await flushDisks()
    return { ms: await timed(() => stand.device.ok(parameters)), bytes: null }
  }
  return {
    by: 'the command line of strongroom',
    put: (run) => timedOnly(['put', '-r', '--quiet', source, `/run ${run}`]),
    async get(run) {
      const target = join(stand.folder, 'target')
      const [name = ''] = await readdir(source)
      const measured = await timedOnly(['get', '--quiet', `/run ${run}/source/${name}`, target])
      await requireSame(target, join(source, name))
      await rm(target)
      return measured
    },
  }
}

async function compare(load: Load, { full, quick }: SuiteOptions, verbs: readonly ('put' | 'get')[]): Promise<Row[]> {
  await using stand = await openStand()
  await mkdir(join(stand.folder, 'source'))
  await load.make(join(stand.folder, 'source'))
  await using tab = await openWebTab(stand.server.url, LOGIN, stand.device.password)
  const contenders = [webApp(stand, tab), commandLine(stand)]
  const rows: Row[] = []
  for (const verb of verbs) {
    const samples = await inTurns(
      full ? 5 : quick ? 1 : 3,
      contenders.map((contender) => {
        let run = 0
        return () => {
          run += 1
          return contender[verb](run)
        }
      }),
    )
    rows.push(...contenders.flatMap(({ by }, index) => rowsOf(`${verb} ${load.task}`, by, samples[index] ?? [])))
  }
  return rows
}

export const browser: Suite = {
  title: 'The web app in Chromium, embedded server and file store',
  async run(options) {
    return [
      ...(await compare(largeFile(options), options, ['put', 'get'])),
      ...(await compare(smallFiles(options), options, ['put'])),
    ]
  },
}
