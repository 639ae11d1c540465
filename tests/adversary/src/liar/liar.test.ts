import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice } from '../../../dev-env/cli.ts'
import { copyOfHome, run } from '../harness/cli.ts'
import { flipBit } from '../harness/edit.ts'
import { jsonAnswer, type Lie } from '../harness/proxy.ts'
import {
  ACCOUNT,
  COMMITS,
  type CommitsBody,
  errorAnswer,
  flipText,
  INFO,
  instead,
  isRoute,
  LOGIN_FINISH,
  LOGIN_START,
  type LoginBody,
  OPEN,
  type OpenBody,
  onAnswer,
  onJson,
  PARTS,
  STORE,
} from './lies.ts'
import { buildWorld, expectLieFails, type LieCase, type World } from './world.ts'

const CAT = ['cat', '/small.txt']
const LS = ['ls', '/']
const LOGIN = ['login', 'alice']

let world: World

beforeAll(async () => {
  world = await buildWorld()
})

afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
})

function commits(change: (body: CommitsBody) => void): () => Lie {
  return () => onJson<CommitsBody>('GET', COMMITS, change)
}

function opened(change: (blob: OpenBody['blobs'][number]) => void): () => Lie {
  return () => onJson<OpenBody>('POST', OPEN, (body) => body.blobs.forEach(change))
}

function loginAnswer(change: (body: LoginBody) => void): () => Lie {
  return () => onJson<LoginBody>('POST', LOGIN_FINISH, change)
}

const CONTENT: LieCase[] = [
  {
    name: 'flips a bit of a part',
    command: CAT,
    lie: () => onAnswer('GET', STORE, (answer) => ({ ...answer, body: flipBit(answer.body, 100) })),
  },
  {
    name: 'cuts a part short',
    command: CAT,
    lie: () => onAnswer('GET', STORE, (answer) => ({ ...answer, body: answer.body.subarray(0, -1) })),
  },
  {
    name: 'empties a part',
    command: CAT,
    lie: () => onAnswer('GET', STORE, (answer) => ({ ...answer, body: Buffer.alloc(0) })),
  },
  {
    name: 'extends a part',
    command: CAT,
    lie: () => onAnswer('GET', STORE, (answer) => ({ ...answer, body: Buffer.concat([answer.body, Buffer.of(0)]) })),
  },
  {
    name: 'announces a longer object than the signed one',
    command: CAT,
    lie: () =>
      onAnswer('GET', STORE, (answer) => ({
        ...answer,
        rawHeaders: answer.rawHeaders.map((text) => text.replace(/^(bytes \d+-\d+\/)\d+$/, '$199999')),
      })),
  },
  {
    name: 'says that the object is not there',
    command: CAT,
    lie: () => instead('GET', STORE, () => errorAnswer(404, 'not_found')),
  },
  {
    name: 'changes a digest',
    command: CAT,
    lie: opened((blob) => {
      blob.digests = flipText(blob.digests, 0)
    }),
  },
  {
    name: 'leaves the digests out',
    command: CAT,
    lie: opened((blob) => {
      blob.digests = ''
    }),
  },
  {
    name: 'claims another length',
    command: CAT,
    lie: opened((blob) => {
      blob.blobLength += 1
    }),
  },
  {
    name: 'claims a huge length',
    command: CAT,
    lie: opened((blob) => {
      blob.blobLength = Number.MAX_SAFE_INTEGER
    }),
    exitCode: 7,
  },
  {
    name: 'changes a wrapped key',
    command: CAT,
    lie: opened((blob) => {
      for (const wrap of blob.wraps) wrap.bytes = flipText(wrap.bytes, -1)
    }),
  },
  {
    name: 'gives a wrapped key of a version that does not exist',
    command: CAT,
    lie: opened((blob) => {
      for (const wrap of blob.wraps) wrap.bytes = flipText(wrap.bytes, 0)
    }),
  },
  {
    name: 'gives a wrapped key of another epoch',
    command: CAT,
    lie: opened((blob) => {
      for (const wrap of blob.wraps) wrap.epoch = 77
    }),
  },
  {
    name: 'withholds the wrapped keys',
    command: CAT,
    lie: opened((blob) => {
      blob.wraps = []
    }),
  },
  {
    name: 'answers with the data of another file',
    command: CAT,
    lie: async ({ alice }) => swapOpened(await recordOpened(world, alice, '/folder/second.txt')),
  },
  {
    name: 'answers with the data of another account',
    command: CAT,
    lie: async ({ bob }) => swapOpened(await recordOpened(world, bob, '/small.txt')),
  },
  {
    name: 'leaves out the blob that was asked for',
    command: CAT,
    lie: () => onJson<OpenBody>('POST', OPEN, (body) => body.blobs.splice(0)),
    exitCode: 7,
  },
]

const LOG: LieCase[] = [
  ...[
    ['the magic of', 0, 5],
    ['the header of', 140, 5],
    ['the signature of', 276 + 10, 5],
    ['the section of', 276 + 64 + 4, 5],
    ['the body of', -1, 5],
  ].map(
    ([what, position]): LieCase => ({
      name: `flips a bit in ${what} a commit`,
      command: LS,
      cold: true,
      lie: commits((body) => {
        const last = body.commits.length - 1
        body.commits[last] = flipText(body.commits[last] ?? '', Number(position))
      }),
    }),
  ),
  {
    name: 'claims that a commit is of a newer version',
    command: LS,
    cold: true,
    lie: commits((body) => {
      // "SRC1" becomes "SRC0".
      body.commits[0] = flipText(body.commits[0] ?? '', 3)
    }),
    exitCode: 1,
  },
  { name: 'drops the first commit', command: LS, cold: true, lie: commits((body) => body.commits.shift()) },
  { name: 'drops a commit', command: LS, cold: true, lie: commits((body) => body.commits.splice(1, 1)) },
  { name: 'drops the newest commit', command: LS, cold: true, lie: commits((body) => body.commits.pop()) },
  { name: 'reorders commits', command: LS, cold: true, lie: commits((body) => body.commits.reverse()) },
  {
    name: 'repeats a commit',
    command: LS,
    cold: true,
    lie: commits((body) => body.commits.splice(1, 0, body.commits[1] ?? '')),
  },
  {
    name: 'withholds everything',
    command: LS,
    cold: true,
    lie: commits((body) => body.commits.splice(0)),
  },
  {
    name: 'shows an old head with the commits up to it',
    command: LS,
    cold: true,
    lie: async ({ alice }) => {
      const old = await recordCommits(world, alice)
      await alice.ok(['mkdir', `/later-${Date.now()}`])
      return onJson<CommitsBody>('GET', COMMITS, (body) => Object.assign(body, old))
    },
  },
  {
    name: 'shows an old head to a device with a cache',
    command: LS,
    lie: commits((body) => {
      body.head.seq -= 1
      body.commits = []
    }),
  },
  {
    name: 'shows another hash for the head that the device knows',
    command: LS,
    lie: commits((body) => {
      body.head.hash = flipText(body.head.hash, 0)
    }),
  },
  {
    name: 'claims a head far away and gives no commits',
    command: LS,
    lie: commits((body) => {
      body.head.seq = Number.MAX_SAFE_INTEGER
      body.commits = []
    }),
  },
  {
    name: 'answers with the log of another account',
    command: LS,
    cold: true,
    lie: async ({ bob }) => {
      const other = await recordCommits(world, bob)
      return onJson<CommitsBody>('GET', COMMITS, (body) => Object.assign(body, other))
    },
  },
  {
    name: 'confirms a commit with another head',
    command: ['mkdir', '/never-confirmed'],
    lie: () =>
      onJson<{ seq: number; hash: string }>('POST', COMMITS, (body) => {
        body.hash = flipText(body.hash, 0)
      }),
  },
  {
    name: 'answers with another keyring',
    command: ['whoami'],
    lie: () =>
      onJson<LoginBody>('GET', ACCOUNT, (body) => {
        body.keyring = flipText(body.keyring, -1)
      }),
  },
]

const LOGINS: LieCase[] = [
  {
    name: 'exchanges the account-key envelope',
    command: LOGIN,
    newDevice: true,
    lie: loginAnswer((body) => {
      body.passwordEnvelope = flipText(body.passwordEnvelope, -1)
    }),
  },
  {
    name: 'claims another version of the envelope',
    command: LOGIN,
    newDevice: true,
    lie: loginAnswer((body) => {
      body.passwordEnvelopeVersion += 1
    }),
  },
  {
    name: 'exchanges the keyring',
    command: LOGIN,
    newDevice: true,
    lie: loginAnswer((body) => {
      body.keyring = flipText(body.keyring, -1)
    }),
  },
  {
    name: 'claims another version of the keyring',
    command: LOGIN,
    newDevice: true,
    lie: loginAnswer((body) => {
      body.keyringVersion += 1
    }),
  },
  {
    name: 'names another account',
    command: LOGIN,
    newDevice: true,
    lie: loginAnswer((body) => {
      body.accountId = flipText(body.accountId, 0)
    }),
  },
  {
    name: 'shows another public key than the device has pinned',
    command: LOGIN,
    lie: () =>
      onJson<{ opaquePublicKey: string }>('GET', INFO, (body) => {
        body.opaquePublicKey = flipText(body.opaquePublicKey, 0)
      }),
  },
  {
    name: 'shows a new device another public key than it proves',
    command: LOGIN,
    newDevice: true,
    lie: () =>
      onJson<{ opaquePublicKey: string }>('GET', INFO, (body) => {
        body.opaquePublicKey = flipText(body.opaquePublicKey, 0)
      }),
    exitCode: 4,
  },
  {
    name: 'changes the key exchange',
    command: LOGIN,
    newDevice: true,
    lie: () =>
      onJson<{ response: string }>('POST', LOGIN_START, (body) => {
        body.response = flipText(body.response, -1)
      }),
    exitCode: 4,
  },
  {
    name: 'speaks only protocol versions that do not exist',
    command: LOGIN,
    newDevice: true,
    lie: () =>
      onJson<{ protocolVersions: number[] }>('GET', INFO, (body) => {
        body.protocolVersions = [99]
      }),
    exitCode: 1,
  },
]

const ELSEWHERE: LieCase[] = [
  {
    name: 'names a foreign host to read from',
    command: CAT,
    lie: ({ trap }) =>
      onJson<OpenBody>('POST', OPEN, (body) => {
        for (const blob of body.blobs) blob.url = trap.origin + blob.url
      }),
  },
  {
    name: 'names a foreign host without a scheme',
    command: CAT,
    lie: ({ trap }) =>
      onJson<OpenBody>('POST', OPEN, (body) => {
        for (const blob of body.blobs) blob.url = `//${new URL(trap.origin).host}${blob.url}`
      }),
  },
  {
    name: 'redirects a download',
    command: CAT,
    lie: ({ trap }) =>
      instead('GET', STORE, () => ({
        status: 307,
        rawHeaders: ['location', `${trap.origin}/x`],
        body: Buffer.alloc(0),
      })),
    exitCode: 7,
  },
  {
    name: 'redirects the API',
    command: LS,
    lie: ({ trap }) =>
      instead('GET', COMMITS, () => ({
        status: 302,
        rawHeaders: ['location', `${trap.origin}/x`],
        body: Buffer.alloc(0),
      })),
    exitCode: 7,
  },
]

const DENIALS: LieCase[] = [
  { name: 'cuts every connection', command: LS, lie: () => ({ answer: () => null }), exitCode: 7 },
  {
    name: 'asks for patience without end',
    command: LS,
    lie: () => instead('GET', COMMITS, () => errorAnswer(503, 'unavailable', ['retry-after', '999999'])),
    exitCode: 7,
  },
  {
    name: 'fails',
    command: LS,
    lie: () => instead('GET', COMMITS, () => errorAnswer(500, 'internal')),
    exitCode: 7,
  },
  {
    name: 'answers what is not JSON',
    command: LS,
    lie: () => instead('GET', COMMITS, () => ({ status: 200, rawHeaders: [], body: Buffer.from('<html>') })),
    exitCode: 7,
  },
  {
    name: 'answers numbers that are none',
    command: LS,
    lie: () => instead('GET', COMMITS, () => jsonAnswer(200, { head: { seq: -1, hash: 'x' }, commits: 12 })),
    exitCode: 7,
  },
  {
    name: 'answers more than fits into memory',
    command: LS,
    lie: () =>
      instead('GET', COMMITS, () => ({ status: 200, rawHeaders: [], body: Buffer.alloc(40 * 1024 * 1024, 32) })),
    exitCode: 7,
  },
  {
    name: 'says that the session has ended',
    command: LS,
    lie: () => instead('GET', COMMITS, () => errorAnswer(401, 'session_expired')),
    exitCode: 4,
  },
  {
    name: 'says without end that someone else was faster',
    command: ['mkdir', '/never'],
    lie: () => instead('POST', COMMITS, () => errorAnswer(409, 'head_moved')),
    exitCode: 7,
  },
]

describe.each([
  ['about content', CONTENT],
  ['about the log', LOG],
  ['at login', LOGINS],
  ['about where things are', ELSEWHERE],
  ['by not serving', DENIALS],
] as const)('a server that lies %s', (_topic, cases) => {
  it.each(cases)('$name', async (lieCase) => {
    await expectLieFails(world, lieCase)
  })
})

describe('uploads', () => {
  // More than travels inside a reservation, so that the part goes to a presigned URL.
  const put = async (): Promise<string[]> => {
    const file = join(world.alice.home, 'upload')
    await writeFile(file, Buffer.alloc(600_000, 7))
    return ['put', file, '/upload']
  }

  it('stop at a foreign host before a byte is sent', async () => {
    await expectLieFails(world, {
      name: 'foreign upload',
      command: await put(),
      lie: ({ trap }) =>
        onJson<{ parts: { url: string }[] }>('POST', PARTS, (body) => {
          for (const part of body.parts) part.url = trap.origin + part.url
        }),
    })
  })

  it('do not follow redirects', async () => {
    await expectLieFails(world, {
      name: 'redirected upload',
      command: await put(),
      lie: ({ trap }) =>
        instead('PUT', STORE, () => ({
          status: 307,
          rawHeaders: ['location', `${trap.origin}/x`],
          body: Buffer.alloc(0),
        })),
      exitCode: 7,
    })
  })

  it.each([
    ['refuses every address that it gives', instead('PUT', STORE, () => errorAnswer(403, 'url_invalid')), 7],
    ['says that every part is there already', instead('PUT', STORE, () => errorAnswer(412, 'blob_conflict')), 7],
    [
      'confirms parts without an ETag',
      instead('PUT', STORE, () => ({ status: 200, rawHeaders: [], body: Buffer.alloc(0) })),
      7,
    ],
    ['gives no addresses', onJson<{ parts: unknown[] }>('POST', PARTS, (body) => body.parts.splice(0)), 7],
    [
      'says that every blob is gone',
      instead('POST', /^\/v1\/blobs\/complete$/, () => errorAnswer(409, 'blob_gone')),
      6,
    ],
    ['says that every blob id is taken', instead('POST', /^\/v1\/blobs$/, () => errorAnswer(409, 'blob_conflict')), 6],
    ['rejects every commit', instead('POST', COMMITS, () => errorAnswer(422, 'commit_rejected')), 7],
  ] as const)('end when the server %s', async (name, lie, exitCode) => {
    await expectLieFails(world, { name, command: await put(), lie: () => lie, exitCode })
  })
})

describe('weaker parameters', () => {
  it('offered beside the key exchange change nothing that is sent', async () => {
    const weak = { keyStretching: { 'argon2id-custom': { iterations: 1, memory: 8, parallelism: 1 } }, profile: 'none' }
    world.proxy.forget()
    world.proxy.tell({
      answer: (request, answer) =>
        isRoute(request, 'GET', INFO) || isRoute(request, 'POST', LOGIN_START)
          ? (onJson<object>(request.method, /./, (body) => Object.assign(body, weak)).answer?.(request, answer) ??
            answer)
          : answer,
    })
    try {
      // The record was made with the compiled-in parameters: with weaker ones this login would fail.
      await using second = await CliDevice.create(world.proxy.url, world.alice.password)
      await second.login('alice')
    } finally {
      world.proxy.tell(null)
    }
  })
})

describe('the same commands through the same proxy', () => {
  it('work as soon as it tells the truth', async () => {
    expect((await world.alice.ok(CAT)).stdout.toString()).toBe('what belongs to alice')
    await world.alice.ok(LS)
    await world.alice.ok(LOGIN)
    await world.alice.ok(['mkdir', '/truth'])
  })
})

/** What the server answers to the opening of a file. */
async function recordOpened(at: World, person: World['alice'], path: string): Promise<OpenBody['blobs'][number]> {
  at.proxy.forget()
  await person.ok(['cat', path])
  const seen = at.proxy.exchanges.find(({ request }) => isRoute(request, 'POST', OPEN))
  const body: OpenBody = JSON.parse(seen?.answer?.body.toString('utf8') ?? '{"blobs":[]}')
  const [blob] = body.blobs
  if (blob === undefined) throw new Error('nothing was opened')
  return blob
}

/** Gives another blob's digests, keys and address for the blob that is asked for. */
function swapOpened(other: OpenBody['blobs'][number]): Lie {
  return onJson<OpenBody>('POST', OPEN, (body) => {
    for (const blob of body.blobs) {
      const { blobId } = blob
      Object.assign(blob, other, { blobId, wraps: other.wraps.map((wrap) => ({ ...wrap, blobId })) })
    }
  })
}

/** The whole log of a person, as the server answers it. */
async function recordCommits(at: World, person: World['alice']): Promise<CommitsBody> {
  at.proxy.forget()
  await using copy = await copyOfHome(person, { forget: ['vault.cache'] })
  const result = await run(LS, { home: copy.home, server: at.proxy.url, password: person.password })
  expect(result.code).toBe(0)
  const seen = at.proxy.exchanges.find(({ request }) => isRoute(request, 'GET', COMMITS))
  return JSON.parse(seen?.answer?.body.toString('utf8') ?? '')
}
