// A device of the suite `index`, in a process of its own as devices are: bundled with its threads, with nothing on its heap
// that another run has left. `new SERVER LOGIN HOME` or `again HOME`; prints milliseconds as JSON.
import { type Session, Strongroom, type Transport, type TransportRequest } from '@strongroom/client'
import { nodePlatform } from '@strongroom/client/node'
import { BENCH_PASSWORD, MOST_FOUND, nameOf, SEARCHES } from './index-files.ts'
import { timed } from './measure.ts'

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
    /** Milliseconds of the same requests once more, one after another. */
    async repeat(): Promise<number> {
      isOn = false
      return await timed(async () => {
        for (const { url, request } of asked) {
          const { signal: _, ...again } = request
          await (await inner(url, again)).bytes(2 ** 31)
        }
      })
    },
  }
}

async function searched({ drive }: Session): Promise<number[]> {
  // Makes the index of names, which the searches after it find.
  await drive.find('zzz', { limit: MOST_FOUND })
  const samples: number[] = []
  for (let search = 0; search < SEARCHES; search += 1) {
    const wanted = nameOf(search * 37).slice(0, 3)
    samples.push(await timed(() => drive.find(wanted, { limit: MOST_FOUND })))
  }
  return samples
}

async function openNew(server: string, login: string, home: string) {
  const platform = nodePlatform({ home })
  const { transport, acceptedMs, repeat } = recording(platform.transport)
  const session = await Strongroom.login({
    ...{ server, login, password: BENCH_PASSWORD, deviceName: 'another device' },
    platform: { ...platform, transport },
  })
  await session.drive.list('/')
  const listed = performance.now() - acceptedMs()
  const bare = await repeat()
  const search = await searched(session)
  await session.close()
  return { listed, bare, search }
}

async function openAgain(home: string) {
  let session: Session | null = null
  const listed = await timed(async () => {
    // As the command line has it.
    session = await Strongroom.resume(nodePlatform({ home }), { ahead: true })
    await session?.drive.list('/')
  })
  // The cast undoes what control flow analysis makes of an assignment in a callback.
  const opened = session as Session | null
  if (opened === null) throw new Error('nobody is signed in')
  await opened.close()
  return { listed }
}

const [verb, ...rest] = process.argv.slice(2)
const [first = '', second = '', third = ''] = rest
const answer = verb === 'new' ? await openNew(first, second, third) : await openAgain(first)
process.stdout.write(JSON.stringify(answer), () => process.exit(0))
