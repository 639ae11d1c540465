import { Strongroom, type Transport, type TransportRequest } from '@strongroom/client'
import { startDevServer } from '../../tests/dev-env/server.ts'
import { type BulkWriter, bulkWriter } from '../../tests/e2e/src/checkpoints/bulk-writer.ts'
import { freshLogin, loginDevice, registerDevice, type SdkDevice } from '../../tests/e2e/src/sdk/sdk.ts'
import { type Row, timed } from '../measure.ts'
import type { Suite } from './suite.ts'

const PER_COMMIT = 1_000
/** Searches of each kind, in turns. */
const SEARCHES = 15
const TAIL = 100
const MOST_FOUND = 1_000
const LETTERS = 'abcdefghijklmnopqrstuvwxyz'

/** A three-letter syllable and more, spread so that a search for three letters finds some of many. */
function nameOf(index: number): string {
  const letter = (at: number): string => LETTERS[Math.floor((index * 7919) / 26 ** at) % 26] ?? 'a'
  return `${letter(0)}${letter(1)}${letter(2)}${letter(3)} holiday ${index}.jpg`
}

async function fill(bulk: BulkWriter, files: number): Promise<void> {
  for (let done = 0; done < files; done += PER_COMMIT) {
    const { nodeId, operations } = bulk.folder(`folder ${done}`)
    const names = Array.from({ length: Math.min(PER_COMMIT, files - done) }, (_, index) => nameOf(done + index))
    await bulk.commit([...operations, ...(await bulk.files(nodeId, names))])
  }
}

/** Keeps what is asked of the store, so that the bare transfer of the same bytes can be timed after it. */
function recording(inner: Transport) {
  const asked: { url: string; request: TransportRequest }[] = []
  let isOn = true
  let acceptedMs = 0
  const transport: Transport = async (url, request) => {
    if (isOn && request.method === 'GET' && /\/v1\/(store\/objects|vaults\/[^/]+\/commits)/.test(url)) {
      asked.push({ url, request })
    }
    const response = await inner(url, request)
    if (url.endsWith('/login/finish')) acceptedMs = performance.now()
    return response
  }
  return {
    transport,
    /** When the server has accepted the login. */
    acceptedMs: () => acceptedMs,
    /** Bytes and milliseconds of the same requests once more, one after another. */
    async repeat(): Promise<{ bytes: number; ms: number }> {
      isOn = false
      let bytes = 0
      const ms = await timed(async () => {
        for (const { url, request } of asked) {
          const { signal: _, ...again } = request
          bytes += (await (await inner(url, again)).bytes(2 ** 31)).length
        }
      })
      return { bytes, ms }
    },
  }
}

async function openNew(server: string, login: string): Promise<{ listed: number; bare: number; device: SdkDevice }> {
  let record: ReturnType<typeof recording> | null = null
  const device = await loginDevice(server, login, (platform) => {
    record = recording(platform.transport)
    return { ...platform, transport: record.transport }
  })
  await device.session.drive.list('/')
  // It was made when the device was.
  const { acceptedMs, repeat } = record as unknown as ReturnType<typeof recording>
  const listed = performance.now() - acceptedMs()
  const { ms } = await repeat()
  return { listed, bare: ms, device }
}

export const index: Suite = {
  title: 'Open a vault, and search in it',
  async run({ full, quick }) {
    const server = await startDevServer()
    const rows: Row[] = []
    const sizes = quick ? [1_000] : [1_000, 10_000, 100_000, ...(full ? [1_000_000] : [])]
    try {
      for (const files of sizes) {
        const login = freshLogin()
        await using writer = await registerDevice(server.url, login)
        const bulk = await bulkWriter(writer)
        await fill(bulk, files)
        await writer.session.drive.sync()
        bulk.close()
        // Names the checkpoint that others begin from.
        await writer.session.close()
        const author = await Strongroom.resume(writer.platform)
        if (author === null) throw new Error('nobody is signed in')

        const runs = quick ? 1 : files > 100_000 ? 3 : 5
        const samples: Record<string, number[]> = { listed: [], bare: [], beyond: [], warm: [], tail: [], search: [] }
        const note = (name: string, ms: number): void => void samples[name]?.push(ms)
        for (let run = 0; run < runs; run += 1) {
          const { device, listed, bare } = await openNew(server.url, login)
          await using opened = device
          note('listed', listed)
          note('bare', bare)
          note('beyond', listed - bare)
          const { drive } = opened.session
          await drive.find('zzz', { limit: MOST_FOUND })
          for (let search = 0; search < SEARCHES; search += 1) {
            const wanted = nameOf(search * 37).slice(0, 3)
            note('search', await timed(() => drive.find(wanted, { limit: MOST_FOUND })))
          }
          await opened.session.close()
          const resume = async (name: string): Promise<void> => {
            const again = { session: null as Awaited<ReturnType<typeof Strongroom.resume>> }
            note(
              name,
              await timed(async () => {
                again.session = await Strongroom.resume(opened.platform)
                await again.session?.drive.list('/')
              }),
            )
            await again.session?.close()
          }
          await resume('warm')
          for (let commit = 0; commit < TAIL; commit += 1) {
            await author.drive.mkdir(`/tail ${run} ${commit}`)
          }
          await resume('tail')
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
