import type { Check } from '../../checks/checks.ts'
import type { Lie } from '../../harness/proxy.ts'
import type { LieCase } from '../attempt.ts'
import { ACCOUNT, type AccountBody, COMMITS, type CommitsBody, flipText, onJson } from '../lies.ts'
import { recordCommits } from '../recordings.ts'

const LS = ['ls', '/']

/** Everything that is compared of a log as a whole. */
export const WHOLE_LOG: readonly Check[] = [
  'all of a commit',
  'previous hash before the rest',
  'what the keyring says of the log',
  'vault of a commit',
  'state sequence',
  'vault of the state',
  'commits up to the head',
  'head went back',
  'head hash',
  'pinned head',
]
export const ORDER: readonly Check[] = ['sequence number', 'previous hash', 'state sequence']

function commits(change: (body: CommitsBody) => void): () => Lie {
  return () => onJson<CommitsBody>('GET', COMMITS, change)
}

function flipLast(position: number): () => Lie {
  return commits((body) => {
    const last = body.commits.length - 1
    body.commits[last] = flipText(body.commits[last] ?? '', position)
  })
}

const cold = { command: LS, cold: true } as const

/** Lies about the commits of a vault and its head. */
export const LOG: readonly LieCase[] = [
  {
    ...cold,
    name: 'flips a bit in the magic of a commit',
    kind: 'flip',
    lie: flipLast(0),
    without: ['magic of a commit', 'commit signature', 'head hash', 'pinned head'],
    leak: 'success',
  },
  {
    ...cold,
    name: 'flips a bit in the header of a commit',
    kind: 'flip',
    lie: flipLast(139),
    without: ['commit signature', 'head hash', 'pinned head'],
    leak: 'success',
  },
  {
    ...cold,
    name: 'flips a bit in the signature of a commit',
    kind: 'flip',
    lie: flipLast(276 + 10),
    without: ['commit signature'],
    leak: 'success',
  },
  {
    ...cold,
    name: 'flips a bit in the section of a commit',
    kind: 'flip',
    lie: flipLast(276 + 64 + 8),
    without: ['section hash'],
    leak: 'success',
  },
  {
    ...cold,
    name: 'flips a bit in the body of a commit',
    kind: 'flip',
    lie: flipLast(-1),
    without: ['body hash'],
    leak: 'wrong answer',
  },
  {
    ...cold,
    name: 'exchanges the bodies, and so the names, of two commits',
    kind: 'swap names',
    lie: commits((body) => {
      // Two made folders: bodies of the same length.
      const bytes = body.commits.map((text) => Buffer.from(text, 'base64url'))
      const [a, b] = lastPairAlike(bytes)
      const [one, other] = [bytes[a] ?? Buffer.alloc(0), bytes[b] ?? Buffer.alloc(0)]
      const length = one.readUInt32BE(208)
      body.commits[a] = Buffer.concat([one.subarray(0, -length), other.subarray(-length)]).toString('base64url')
      body.commits[b] = Buffer.concat([other.subarray(0, -length), one.subarray(-length)]).toString('base64url')
    }),
    without: ['body hash'],
    leak: 'wrong answer',
  },
  {
    ...cold,
    name: 'cuts a commit',
    kind: 'cut',
    lie: commits((body) => {
      const last = body.commits.length - 1
      body.commits[last] = Buffer.from(body.commits[last] ?? '', 'base64url')
        .subarray(0, -1)
        .toString('base64url')
    }),
    without: ['length of a commit', 'body hash', 'version of a body'],
    leak: 'wrong answer',
  },
  {
    ...cold,
    name: 'extends a commit',
    kind: 'extend',
    lie: commits((body) => {
      const last = body.commits.length - 1
      const bytes = Buffer.from(body.commits[last] ?? '', 'base64url')
      body.commits[last] = Buffer.concat([bytes, Buffer.of(0)]).toString('base64url')
    }),
    without: ['length of a commit', 'body hash'],
    leak: 'wrong answer',
  },
  {
    ...cold,
    name: 'claims that a commit is of a newer version',
    kind: 'unknown version',
    // "SRC1" becomes "SRC0".
    lie: flipLast(3),
    without: ['version of a commit', 'commit signature', 'head hash', 'pinned head'],
    leak: 'success',
  },
  {
    ...cold,
    name: 'claims that a body is of a newer version',
    kind: 'unknown version',
    lie: commits((body) => {
      const last = body.commits.length - 1
      const bytes = Buffer.from(body.commits[last] ?? '', 'base64url')
      const at = bytes.length - bytes.readUInt32BE(208)
      bytes[at] = 2
      body.commits[last] = bytes.toString('base64url')
    }),
    without: ['body hash', 'version of a body', 'seal version'],
    leak: 'success',
  },
  {
    ...cold,
    name: 'drops the first commit',
    kind: 'drop',
    lie: commits((body) => body.commits.shift()),
    without: WHOLE_LOG,
    leak: 'success',
  },
  {
    ...cold,
    name: 'drops a commit',
    kind: 'drop',
    lie: commits((body) => body.commits.splice(1, 1)),
    without: ORDER,
    leak: 'wrong answer',
  },
  {
    ...cold,
    name: 'drops the newest commit',
    kind: 'drop',
    lie: commits((body) => body.commits.pop()),
    without: ['commits up to the head'],
    leak: 'wrong answer',
  },
  {
    ...cold,
    name: 'reorders commits',
    kind: 'reorder',
    lie: commits((body) => body.commits.reverse()),
    without: WHOLE_LOG,
    leak: 'wrong answer',
  },
  {
    ...cold,
    name: 'exchanges two commits',
    kind: 'reorder',
    lie: commits((body) => body.commits.splice(1, 2, body.commits[2] ?? '', body.commits[1] ?? '')),
    without: ORDER,
    leak: 'success',
  },
  {
    ...cold,
    name: 'repeats a commit',
    kind: 'reorder',
    lie: commits((body) => body.commits.splice(1, 0, body.commits[1] ?? '')),
    without: ORDER,
    leak: 'success',
  },
  {
    ...cold,
    name: 'withholds everything',
    kind: 'drop',
    lie: commits((body) => body.commits.splice(0)),
    without: ['commits up to the head'],
    leak: 'wrong answer',
  },
  {
    ...cold,
    name: 'shows an old head with the commits up to it',
    kind: 'old head',
    lie: async (world) => {
      const old = await recordCommits(world, world.alice)
      await world.alice.ok(['mkdir', `/later-${Date.now()}`])
      return onJson<CommitsBody>('GET', COMMITS, (body) => Object.assign(body, old))
    },
    without: ['head went back'],
    leak: 'wrong answer',
  },
  {
    name: 'shows an old head to a device with a cache',
    kind: 'old head',
    command: LS,
    lie: commits((body) => {
      body.head.seq -= 1
      body.commits = []
    }),
    without: ['head went back'],
    leak: 'success',
  },
  {
    name: 'shows another hash for the head that the device knows',
    kind: 'fork',
    command: LS,
    lie: commits((body) => {
      body.head.hash = flipText(body.head.hash, 0)
    }),
    without: ['head hash'],
    leak: 'success',
  },
  {
    name: 'claims a head far away and gives no commits',
    kind: 'huge count',
    command: LS,
    lie: commits((body) => {
      body.head.seq = Number.MAX_SAFE_INTEGER
      body.commits = []
    }),
    without: ['commits up to the head'],
    leak: 'success',
  },
  {
    name: 'claims a head beyond all numbers',
    kind: 'huge count',
    command: LS,
    lie: commits((body) => {
      body.head.seq = 1e300
      body.commits = []
    }),
    without: ['largest number', 'commits up to the head'],
    leak: 'success',
  },
  {
    ...cold,
    name: 'claims a body of four gigabytes',
    kind: 'huge count',
    lie: commits((body) => {
      const last = body.commits.length - 1
      const bytes = Buffer.from(body.commits[last] ?? '', 'base64url')
      bytes.writeUInt32BE(0xffffffff, 208)
      body.commits[last] = bytes.toString('base64url')
    }),
    without: ['lengths in a header', 'length of a commit', 'commit signature', 'body hash', 'head hash', 'pinned head'],
    leak: 'success',
  },
  {
    ...cold,
    name: 'answers with the log of another account',
    kind: 'swap vaults',
    lie: async (world) => {
      const other = await recordCommits(world, world.bob)
      return onJson<CommitsBody>('GET', COMMITS, (body) => Object.assign(body, other))
    },
    without: [...WHOLE_LOG, 'key of an epoch'],
    leak: 'wrong answer',
  },
  {
    name: 'confirms a commit with another head',
    kind: 'fork',
    command: ['mkdir', '-p', '/confirmed'],
    lie: () =>
      onJson<{ seq: number; hash: string }>('POST', COMMITS, (body) => {
        body.hash = flipText(body.hash, 0)
      }),
    without: ['head after a commit'],
    leak: 'success',
  },
  {
    name: 'answers with another keyring',
    kind: 'old keyring',
    command: ['whoami'],
    lie: () =>
      onJson<AccountBody>('GET', ACCOUNT, (body) => {
        body.keyring = flipText(body.keyring, -1)
      }),
    without: ['pinned keyring'],
    leak: 'success',
  },
  {
    name: 'answers with the account of somebody else',
    kind: 'another account',
    command: ['whoami'],
    lie: () =>
      onJson<AccountBody>('GET', ACCOUNT, (body) => {
        body.accountId = flipText(body.accountId, 0)
      }),
    without: ['account of the session'],
    leak: 'success',
  },
]

/** Indices of the two newest commits whose bodies are equally long. */
function lastPairAlike(commits: readonly Buffer[]): [number, number] {
  for (let b = commits.length - 1; b > 0; b -= 1) {
    for (let a = b - 1; a > 0; a -= 1) {
      if (commits[a]?.readUInt32BE(208) === commits[b]?.readUInt32BE(208)) return [a, b]
    }
  }
  throw new Error('no two bodies are equally long')
}
