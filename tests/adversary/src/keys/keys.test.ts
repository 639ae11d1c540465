import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice } from '../../../dev-env/cli.ts'
import { checkpointNow } from '../../../dev-env/device-log.ts'
import { copyOfHome, expectOneLine, run } from '../harness/cli.ts'
import { buildMutant, type Mutation } from '../harness/mutant.ts'
import { type Answer, editJson, type Lie } from '../harness/proxy.ts'
import { ACCOUNT, COMMITS, isRoute, LOGIN_FINISH, OPEN, type OpenBody, onJson } from '../liar/lies.ts'
import { buildWorld, type World } from '../liar/world.ts'

const HEADERS = /^\/v1\/vaults\/[^/]+\/headers$/
const CAT = ['cat', '/small.txt']

/** No command may need more requests than this to give up. */
const MOST_REQUESTS = 40

interface LieCase {
  readonly name: string
  readonly command: readonly string[]
  readonly lie: () => Lie
  /** Whether the device has forgotten its cache. */
  readonly cold?: boolean
}

/** Runs one command of alice's while the server lies: it stops, and shows nothing. */
async function expectLieFails({ command, lie, cold }: LieCase): Promise<void> {
  const { proxy, alice } = world
  await using copy = await copyOfHome(alice, { forget: cold ? ['vault.cache'] : [] })
  proxy.forget()
  proxy.tell(lie())
  try {
    const result = await run(command, { home: copy.home, server: proxy.url, password: alice.password })
    expectOneLine(result, 5)
    expect(result.stdout.toString()).toBe('')
    expect(proxy.exchanges.length).toBeLessThanOrEqual(MOST_REQUESTS)
  } finally {
    proxy.tell(null)
  }
}

interface AccountBody {
  keyring: string
  keyringVersion: number
}

interface HeadersBody {
  headers: string[]
}

let world: World
/** As it was before the first rotation. */
let oldAccount: AccountBody
let oldWraps: OpenBody['blobs'][number]['wraps']

beforeAll(async () => {
  world = await buildWorld()
  const { proxy, alice } = world
  proxy.forget()
  await alice.ok(['whoami'])
  await alice.ok(CAT)
  oldAccount = answerTo(ACCOUNT)
  oldWraps = answerTo<OpenBody>(OPEN).blobs[0]?.wraps ?? []
  // Two epochs, and a checkpoint after them: a new device needs the older keys only for what was wrapped under them.
  await alice.ok(['keys', 'rotate', '--epoch'])
  await alice.ok(['keys', 'rotate', '--epoch'])
  await checkpointNow(alice.home)
  await alice.ok(['whoami'])
})

afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
})

function answerTo<T>(path: RegExp): T {
  const found = world.proxy.exchanges.findLast(({ request }) => path.test(request.path.split('?')[0] ?? ''))
  return JSON.parse(found?.answer?.body.toString('utf8') ?? 'null') as T
}

/** Several lies at once. */
function together(...lies: Lie[]): Lie {
  return {
    async answer(request, answer) {
      let told: Answer | null = answer
      for (const lie of lies) told = told === null ? null : ((await lie.answer?.(request, told)) ?? null)
      return told
    },
  }
}

const oldKeyring = (path: RegExp, method = 'GET'): Lie =>
  onJson<AccountBody>(method, path, (body) => {
    body.keyring = oldAccount.keyring
    body.keyringVersion = oldAccount.keyringVersion
  })

/** Shows the key of the file only as it was wrapped before the first rotation. */
const oldWrapsOnly = (change: (wraps: OpenBody['blobs'][number]['wraps']) => typeof oldWraps): Lie =>
  onJson<OpenBody>('POST', OPEN, (body) => {
    for (const blob of body.blobs) {
      const old = blob.wraps.filter(({ epoch }) => epoch === 1)
      if (old.some(({ bytes }) => oldWraps.some((wrap) => wrap.bytes === bytes))) blob.wraps = change(old)
    }
  })

const membershipHeaders = (change: (headers: Buffer[]) => Buffer[]): Lie => ({
  answer: (request, answer) =>
    isRoute(request, 'GET', HEADERS) && request.path.includes('only=membership') && answer.status === 200
      ? editJson(answer, (body: HeadersBody) => {
          const headers = body.headers.map((text) => Buffer.from(text, 'base64url'))
          body.headers = change(headers).map((bytes) => bytes.toString('base64url'))
        })
      : answer,
})

/** Offsets in a membership commit as it is shown: after header and signature, the section. */
const LAST_BYTE = -40

const LIES: LieCase[] = [
  {
    name: 'shows an older keyring',
    command: ['whoami'],
    lie: () => oldKeyring(ACCOUNT),
  },
  {
    name: 'shows an older keyring at a new sign-in of this device',
    command: ['login', 'alice'],
    lie: () => oldKeyring(LOGIN_FINISH, 'POST'),
  },
  {
    name: 'keeps back the start of the epoch whose key is needed',
    command: CAT,
    cold: true,
    lie: () =>
      together(
        oldWrapsOnly((wraps) => wraps),
        membershipHeaders((headers) => headers.filter((_, index) => index !== 1)),
      ),
  },
  {
    name: 'keeps back every start of an epoch',
    command: CAT,
    cold: true,
    lie: () =>
      together(
        oldWrapsOnly((wraps) => wraps),
        membershipHeaders(() => []),
      ),
  },
  {
    name: 'changes the key that leads to an older epoch',
    command: CAT,
    cold: true,
    lie: () =>
      together(
        oldWrapsOnly((wraps) => wraps),
        membershipHeaders((headers) =>
          headers.map((bytes) => {
            const changed = Buffer.from(bytes)
            changed[changed.length + LAST_BYTE] = (changed.at(LAST_BYTE) ?? 0) ^ 1
            return changed
          }),
        ),
      ),
  },
  {
    name: 'passes an old wrap off as one of the newest epoch',
    command: CAT,
    lie: () => oldWrapsOnly((wraps) => wraps.map((wrap) => ({ ...wrap, epoch: 3 }))),
  },
  {
    name: 'shows a wrap of an epoch that has not begun',
    command: CAT,
    lie: () => oldWrapsOnly((wraps) => wraps.map((wrap) => ({ ...wrap, epoch: 4 }))),
  },
  {
    name: 'shows the log as it was before the rotations',
    command: ['ls', '/'],
    lie: () =>
      onJson<{ head: { seq: number; hash: string }; commits: string[] }>('GET', COMMITS, (body) => {
        body.head = { ...body.head, seq: 1 }
        body.commits = []
      }),
  },
]

describe('a server that lies about keys', () => {
  it.each(LIES)('stops the client when it $name', async (lieCase) => {
    await expectLieFails(lieCase)
  })

  it('gives the newest wraps back, and all is well', async () => {
    await using copy = await copyOfHome(world.alice, { forget: ['vault.cache'] })
    const { alice, proxy } = world
    const options = { home: copy.home, server: proxy.url, password: alice.password }
    proxy.tell(oldWrapsOnly((wraps) => wraps))
    const old = await run(CAT, options)
    proxy.tell(null)
    // An old wrap alone is no lie: the older key is reached through the log.
    expect([old.code, old.stdout.toString()]).toEqual([0, 'what belongs to alice'])
    expect((await run(CAT, options)).stdout.toString()).toBe('what belongs to alice')
  })

  it('cannot keep a keyring from following the log for long', async () => {
    const { alice, proxy } = world
    // It accepts the commit and drops the keyring that came along.
    proxy.tell({
      request: (request) => {
        if (!isRoute(request, 'POST', COMMITS)) return null
        const body: { keyring?: unknown } = JSON.parse(request.body.toString('utf8'))
        delete body.keyring
        return { ...request, body: Buffer.from(JSON.stringify(body)) }
      },
    })
    await alice.ok(['keys', 'rotate', '--epoch'])
    proxy.tell(null)
    // Who signs in anew finds the key by the wrap in the chain, and puts the keyring right.
    await using fresh = await CliDevice.create(proxy.url, alice.password)
    await fresh.login('alice')
    expect((await fresh.ok(CAT)).stdout.toString()).toBe('what belongs to alice')
    const status = await fresh.ok(['--json', 'keys', 'status'])
    expect(JSON.parse(status.stdout.toString())).toMatchObject({ epoch: 4, keyringVersion: 4 })
  })
})

describe('without its checks', () => {
  const SHOWN: Mutation = {
    file: 'packages/client/src/session/pins.ts',
    find: 'if (known !== undefined && known.version > keyring.version) {',
    replace: 'if (known === keyring) {',
  }

  it('the client takes an older keyring', async () => {
    const { alice, proxy } = world
    await using mutant = await buildMutant([SHOWN])
    await using copy = await copyOfHome(alice)
    const options = { home: copy.home, server: proxy.url, password: alice.password }
    proxy.tell(oldKeyring(ACCOUNT))
    try {
      expectOneLine(await run(['whoami'], options), 5)
      expect((await run(['whoami'], { ...options, bin: mutant.bin })).code).toBe(0)
    } finally {
      proxy.tell(null)
    }
  })
})
