import { join } from 'node:path'
import { type Row, summarise } from '../measure.ts'
import { writePicture } from '../picture.ts'
import {
  BLOBS,
  blobOpens,
  commitsOnMany,
  commitsOnOne,
  commitsRacing,
  type Load,
  loginStarts,
  type Measured,
} from '../server-load.ts'
import { AbsentError, onServers, type Spent, type StandOptions } from '../server-stand.ts'
import type { Suite, SuiteOptions } from './suite.ts'

/** Of a core, for each of two servers that are compared with one: the rest is more than database and clients need. */
const SHARE = 0.15
const SMALL = { servers: 1, accounts: 1_000, blobsEach: 10 }
const WHO = { servers: 'the server', database: 'PostgreSQL', balancer: 'haproxy', clients: 'the clients' } as const

interface Task {
  /** What `--only` looks at. */
  readonly key: string
  readonly name: string
  readonly run: (load: Load) => Promise<readonly Row[]>
}

const rate = (task: string, samples: readonly number[]): Row => ({ task, by: 'strongroom', samples, unit: '/s' })

function costs(task: string, spent: readonly Spent[]): Row[] {
  return (Object.keys(WHO) as (keyof Spent)[]).flatMap((who): Row[] => {
    const samples = spent.map((each) => each[who])
    const name = `${task}: CPU of ${WHO[who]} for one`
    return samples.every((ms) => ms === 0) ? [] : [{ task: name, by: 'strongroom', samples, unit: 'ms' }]
  })
}

function measured(key: string, name: string, ask: (load: Load) => Promise<Measured>): Task {
  return {
    key,
    name,
    async run(load) {
      const { perSecond, spent } = await ask(load)
      return [rate(name, perSecond), ...costs(name, spent)]
    },
  }
}

function raced(key: string, name: string, waits: boolean): Task {
  return {
    key,
    name,
    async run(load) {
      const { perSecond, spent, lost, fewest, most } = await commitsRacing(load, { waits })
      return [
        rate(name, perSecond),
        ...costs(name, spent),
        {
          task: `${name}: requests that came too late for each commit`,
          by: 'strongroom',
          samples: lost,
          unit: 'calls',
        },
        {
          task: `${name}: commits of who had the fewest, of a fair share`,
          by: 'strongroom',
          samples: fewest,
          unit: '%',
        },
        { task: `${name}: commits of who had the most, of a fair share`, by: 'strongroom', samples: most, unit: '%' },
      ]
    },
  }
}

const LOGIN_STARTS = 'login starts among 1,000 accounts'
const ONE_SMALL = 'commits on 16 vaults, one server with 15 % of a core, behind haproxy'
const TWO_SMALL = 'commits on 16 vaults, two such servers'

const ONE_SERVER: readonly Task[] = [
  measured('commits-on-16', 'commits on 16 vaults', commitsOnMany),
  measured('commits-on-one', 'commits on one vault, one client', commitsOnOne),
  raced('racing', 'commits on one vault, 16 clients racing, who loses waits as the client does', true),
  raced('racing-at-once', 'commits on one vault, 16 clients racing, nobody waits', false),
  measured('opens', 'blob opens, one a request', (load) => blobOpens(load, 1)),
  {
    key: 'opens-of-many',
    name: `blobs opened, ${BLOBS} a request`,
    async run(load) {
      const { perSecond } = await blobOpens(load, BLOBS)
      return [
        rate(
          `blobs opened, ${BLOBS} a request`,
          perSecond.map((requests) => requests * BLOBS),
        ),
      ]
    },
  },
  measured('login-starts', LOGIN_STARTS, loginStarts),
]

/** One server and two, each with the same small share of a core, so that neither database nor clients are the limit. */
const BALANCED: readonly (readonly [servers: number, task: Task])[] = [
  [1, measured('one-small-server', ONE_SMALL, commitsOnMany)],
  [2, measured('two-small-servers', TWO_SMALL, commitsOnMany)],
]

function large({ quick, full }: Pick<SuiteOptions, 'quick' | 'full'>): {
  options: StandOptions
  tasks: readonly Task[]
} {
  const accounts = quick ? 2_000 : 500_000
  const blobsEach = quick ? 2 : full ? 20 : 1
  const among = `among ${accounts.toLocaleString('en')} accounts with ${blobsEach === 1 ? 'a blob' : `${blobsEach} blobs`} each`
  return {
    options: { servers: 1, accounts, blobsEach },
    tasks: [
      measured('large-login-starts', `login starts ${among}`, loginStarts),
      measured('large-commits-on-16', `commits on 16 vaults ${among}`, commitsOnMany),
      measured('large-opens', `blob opens, one a request, ${among}`, (load) => blobOpens(load, 1)),
    ],
  }
}

/** Runs tasks one after the other against one stand, which is only made where there is something to run. */
async function runAll(stand: StandOptions, tasks: readonly Task[], options: SuiteOptions): Promise<Row[]> {
  const { quick, full, only, flames } = options
  const chosen = tasks.filter(({ key }) => only === undefined || only.test(key))
  if (chosen.length === 0) return []
  return onServers({ ...stand, profiles: flames !== undefined }, async (made) => {
    const rows: Row[] = []
    for (const { key, run } of chosen) {
      const file = flames === undefined ? null : join(flames, `${key}.svg`)
      const picture = file === null ? null : (svg: string) => writePicture(file, svg)
      rows.push(
        ...(await run({
          stand: made,
          requests: quick ? 320 : stand.share === undefined ? 8_000 : 2_000,
          runs: full ? 5 : quick ? 1 : 3,
          picture,
        })),
      )
    }
    return rows
  })
}

async function balanced(options: SuiteOptions): Promise<Row[]> {
  const rows: Row[] = []
  for (const [servers, task] of BALANCED) {
    try {
      rows.push(...(await runAll({ ...SMALL, servers, share: SHARE }, [task], options)))
    } catch (error) {
      if (!(error instanceof AbsentError)) throw error
      rows.push({ task: task.name, by: 'strongroom', samples: [], unit: '/s', absent: error.message })
    }
  }
  return rows
}

/** The rate of one task as a multiple of another's, where both were measured. */
function against(rows: readonly Row[], task: RegExp, other: string, name: string): Row[] {
  const median = (row: Row | undefined): number => summarise(row?.samples ?? [])?.median ?? 0
  const own = rows.find((row) => task.test(row.task) && row.unit === '/s')
  const [upper, lower] = [median(own), median(rows.find((row) => row.task === other))]
  if (own === undefined || upper === 0 || lower === 0) return []
  return [{ task: `${own.task}, ${name}`, by: 'strongroom', samples: [upper / lower], unit: '×' }]
}

export const server: Suite = {
  title: 'Requests a second; one server has one core, the database and the clients share the other',
  tasks: [ONE_SERVER, BALANCED.map(([, task]) => task), large({ quick: false, full: false }).tasks]
    .flat()
    .map(({ key }) => key),
  async run(options) {
    const { options: many, tasks } = large(options)
    const rows = [
      ...(await runAll(SMALL, ONE_SERVER, options)),
      ...(await balanced(options)),
      ...(await runAll(many, tasks, options)),
    ]
    return [
      ...rows,
      ...against(rows, /^commits on 16 vaults, two such servers$/, ONE_SMALL, 'against one'),
      ...against(rows, /^login starts among (?!1,000 )/, LOGIN_STARTS, 'against those among 1,000'),
    ]
  },
}
