import type { Lie } from '../../harness/proxy.ts'
import { CODE, type LieCase } from '../attempt.ts'
import { COMMITS, type CommitsBody, HEAD, HEADERS, onJson } from '../lies.ts'
import { hashOf, recordCommits } from '../recordings.ts'
import type { World } from '../world.ts'
import { ORDER, WHOLE_LOG } from './log.ts'

type Head = CommitsBody['head']

// A device that has its index asks nothing for it.
const find = { command: ['find', '*'], cold: true } as const
const compare = { command: ['state', '--quiet', '--compare', CODE] } as const
const giveBack = { command: ['restore-server', '--yes'] } as const

function commits(change: (body: CommitsBody) => void): () => Lie {
  return () => onJson<CommitsBody>('GET', COMMITS, change)
}

const dropOne = commits((body) => body.commits.splice(1, 1))
const exchangeTwo = commits((body) => body.commits.splice(1, 2, body.commits[2] ?? '', body.commits[1] ?? ''))

/** The log as it was before the newest commit, and its head. */
async function older(world: World): Promise<CommitsBody> {
  const old = await recordCommits(world, world.alice)
  await world.alice.ok(['mkdir', `/later-${Date.now()}`])
  return old
}

async function otherLog(world: World): Promise<Lie> {
  const other = await recordCommits(world, world.bob)
  return onJson<CommitsBody>('GET', COMMITS, (body) => Object.assign(body, other))
}

function headers(change: (headers: string[]) => void): () => Lie {
  return () => onJson<{ headers: string[] }>('GET', HEADERS, (body) => change(body.headers))
}

function both(one: Lie, other: Lie): Lie {
  return {
    answer: async (request, answer) => {
      const first = (await one.answer?.(request, answer)) ?? answer
      return (await other.answer?.(request, first)) ?? first
    },
  }
}

/** Claims a head, for a restore to begin from. */
function claim(change: (head: Head) => void): Lie {
  return onJson<Head>('GET', HEAD, change)
}

/** Lies to verbs that ask little, or something of their own. */
export const RARE_VERBS: readonly LieCase[] = [
  {
    ...find,
    name: 'shows find an old head with the commits up to it',
    kind: 'old head',
    lie: async (world) => {
      const old = await older(world)
      return onJson<CommitsBody>('GET', COMMITS, (body) => Object.assign(body, old))
    },
    without: ['head went back'],
    leak: 'wrong answer',
  },
  { ...find, name: 'drops a commit for find', kind: 'drop', lie: dropOne, without: ORDER, leak: 'wrong answer' },
  {
    ...find,
    name: 'exchanges two commits for find',
    kind: 'reorder',
    lie: exchangeTwo,
    without: ORDER,
    leak: 'success',
  },
  {
    ...find,
    name: 'answers find with the log of another account',
    kind: 'swap vaults',
    lie: otherLog,
    without: [...WHOLE_LOG, 'key of an epoch'],
    leak: 'wrong answer',
  },
  {
    ...compare,
    name: 'shows an old head to state --compare',
    kind: 'old head',
    lie: commits((body) => {
      body.head.seq -= 1
      body.commits = []
    }),
    without: ['head went back'],
    leak: 'success',
  },
  {
    ...compare,
    name: 'drops a header behind a state code',
    kind: 'drop',
    lie: headers((list) => {
      if (list.length > 2) list.splice(1, 1)
    }),
    without: ['chain behind a state code'],
    leak: 'success',
  },
  {
    ...compare,
    name: 'exchanges two headers behind a state code',
    kind: 'reorder',
    lie: headers((list) => list.splice(1, 2, list[2] ?? '', list[1] ?? '')),
    without: ['chain behind a state code'],
    leak: 'success',
  },
  {
    ...compare,
    name: 'goes on behind a state code with the headers of another vault',
    kind: 'swap vaults',
    lie: async (world) => {
      const { commits: theirs } = await recordCommits(world, world.bob)
      return headers((list) => {
        for (const [index] of list.entries()) if (index > 0) list[index] = theirs[index % theirs.length] ?? ''
      })()
    },
    without: ['chain behind a state code'],
    leak: 'success',
  },
  {
    ...giveBack,
    name: 'shows an old head to restore-server, and again when everything was given back',
    kind: 'old head',
    lie: async (world) => {
      const { head } = await older(world)
      const old = { ...head }
      return both(
        claim((body) => Object.assign(body, old)),
        onJson<CommitsBody>('GET', COMMITS, (body) => Object.assign(body, { head: old, commits: [] })),
      )
    },
    without: ['head went back', 'head hash'],
    leak: 'success',
  },
  {
    ...giveBack,
    name: 'shows restore-server the head of another vault',
    kind: 'swap vaults',
    lie: async (world) => {
      const { head } = await recordCommits(world, world.bob)
      return claim((body) => {
        body.hash = head.hash
      })
    },
    untouched: true,
    without: ['head that the changes of this device follow'],
    leak: 'success',
  },
  {
    ...giveBack,
    name: 'shows restore-server an old head of another vault',
    kind: 'fork',
    lie: async (world) => {
      const { commits: theirs } = await recordCommits(world, world.bob)
      const hash = Buffer.from(await hashOf(theirs[1])).toString('base64url')
      return claim((body) => Object.assign(body, { seq: body.seq - 1, hash }))
    },
    untouched: true,
    without: ['head that the changes of this device follow'],
    leak: 'success',
  },
  {
    ...giveBack,
    name: 'drops a commit after restore-server',
    kind: 'drop',
    cold: true,
    lie: dropOne,
    without: ORDER,
    leak: 'success',
  },
  {
    ...giveBack,
    name: 'exchanges two commits after restore-server',
    kind: 'reorder',
    cold: true,
    lie: exchangeTwo,
    without: ORDER,
    leak: 'success',
  },
]
