import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lie } from '../../harness/proxy.ts'
import { type LieCase, SOURCE } from '../attempt.ts'
import { flipText, HALF, INFO, LOGIN_FINISH, LOGIN_START, type LoginBody, onAnswer, onJson } from '../lies.ts'
import { recordLogin } from '../recordings.ts'

const LOGIN = ['login', 'alice']
const fresh = { command: LOGIN, newDevice: true } as const

function loginAnswer(change: (body: LoginBody) => void): () => Lie {
  return () => onJson<LoginBody>('POST', LOGIN_FINISH, change)
}

/** Shows the pinned server key, but other answers of the info route. */
function info(change: (body: Record<string, unknown>) => void): () => Lie {
  return () => onJson('GET', INFO, change)
}

const newKey = info((body) => {
  body.opaquePublicKey = flipText(String(body.opaquePublicKey), 0)
})

/** Lies to a login. */
export const LOGINS: readonly LieCase[] = [
  {
    ...fresh,
    name: 'flips a bit of the account-key envelope',
    kind: 'flip',
    lie: loginAnswer((body) => {
      body.passwordEnvelope = flipText(body.passwordEnvelope, -1)
    }),
    without: ['AES-GCM tag'],
    leak: 'success',
  },
  {
    ...fresh,
    name: 'claims another version of the envelope',
    kind: 'old envelope',
    lie: loginAnswer((body) => {
      body.passwordEnvelopeVersion += 1
    }),
    without: ['envelope version in its context'],
    leak: 'success',
  },
  {
    ...fresh,
    name: 'shows an envelope of a format that does not exist',
    kind: 'unknown version',
    lie: loginAnswer((body) => {
      body.passwordEnvelope = flipText(body.passwordEnvelope, 0)
    }),
    without: ['seal version'],
    leak: 'success',
  },
  {
    ...fresh,
    name: 'flips a bit of the keyring',
    kind: 'flip',
    lie: loginAnswer((body) => {
      body.keyring = flipText(body.keyring, -1)
    }),
    without: ['AES-GCM tag'],
    leak: 'success',
  },
  {
    ...fresh,
    name: 'claims another version of the keyring',
    kind: 'old keyring',
    lie: loginAnswer((body) => {
      body.keyringVersion += 1
    }),
    without: ['keyring version in its context', 'keyring version inside'],
    leak: 'success',
  },
  {
    ...fresh,
    name: 'shows a keyring of a format that does not exist',
    kind: 'unknown version',
    lie: loginAnswer((body) => {
      body.keyring = flipText(body.keyring, 0)
    }),
    without: ['seal version'],
    leak: 'success',
  },
  {
    name: 'shows an older keyring than the device has seen',
    kind: 'old keyring',
    command: LOGIN,
    lie: () => ({}),
    prepare: async (home) => {
      await changePins(home, (keyring) => {
        keyring.version += 1
      })
    },
    without: ['keyring went back'],
    leak: 'success',
  },
  {
    name: 'shows another keyring of the version that the device has seen',
    kind: 'old keyring',
    command: LOGIN,
    lie: () => ({}),
    prepare: async (home) => {
      await changePins(home, (keyring) => {
        keyring.hash = keyring.hash.replace(/^./, (digit) => (digit === '0' ? '1' : '0'))
      })
    },
    without: ['pinned keyring'],
    leak: 'success',
  },
  {
    ...fresh,
    name: 'names another account',
    kind: 'another account',
    lie: loginAnswer((body) => {
      body.accountId = flipText(body.accountId, 0)
    }),
    without: ['what an unopened seal means'],
    leak: 'another exit code',
  },
  {
    ...fresh,
    name: 'gives the envelope and the keyring of another account',
    kind: 'another account',
    lie: async (world) => {
      const other = await recordLogin(world, world.bob, 'bob')
      return onJson<LoginBody>('POST', LOGIN_FINISH, (body) => {
        const { accountId, passwordEnvelope, keyring } = other
        Object.assign(body, { accountId, passwordEnvelope, keyring })
      })
    },
    without: ['what an unopened seal means'],
    leak: 'another exit code',
  },
  {
    ...fresh,
    name: 'gives the keyring of another account',
    kind: 'swap keys',
    lie: async (world) => {
      const { keyring } = await recordLogin(world, world.bob, 'bob')
      return onJson<LoginBody>('POST', LOGIN_FINISH, (body) => Object.assign(body, { keyring }))
    },
    without: ['what an unopened seal means'],
    leak: 'another exit code',
  },
  {
    name: 'shows another public key than the device has pinned',
    kind: 'swap keys',
    command: LOGIN,
    lie: newKey,
    without: ['pinned key of the server'],
    leak: 'another exit code',
  },
  {
    ...fresh,
    name: 'shows a new device another public key than it proves',
    kind: 'swap keys',
    lie: newKey,
    exitCode: 4,
    without: ["the server's proof"],
    leak: 'another exit code',
  },
  {
    ...fresh,
    name: 'changes the key exchange',
    kind: 'flip',
    lie: () =>
      onJson<{ response: string }>('POST', LOGIN_START, (body) => {
        body.response = flipText(body.response, -1)
      }),
    exitCode: 4,
    without: ["the server's proof"],
    leak: 'another exit code',
  },
  {
    ...fresh,
    name: 'answers a key exchange of zeros',
    kind: 'weaker parameters',
    lie: () =>
      onJson<{ response: string }>('POST', LOGIN_START, (body) => {
        body.response = Buffer.alloc(Buffer.from(body.response, 'base64url').length).toString('base64url')
      }),
    without: ['what a malformed key exchange means'],
    leak: 'another exit code',
  },
  {
    name: "changes its half of the key that seals a device's keys",
    kind: 'swap keys',
    command: ['ls', '/'],
    lie: () =>
      onJson<{ serverHalf: string }>('GET', HALF, (body) => {
        body.serverHalf = flipText(body.serverHalf, 0)
      }),
    without: ['what an unopened seal means'],
    leak: 'another exit code',
  },
  {
    name: 'gives a device the half of another session',
    kind: 'another account',
    command: ['put', SOURCE, '/upload'],
    lie: async (world) => {
      const { serverHalf } = await recordLogin(world, world.bob, 'bob')
      return onJson<{ serverHalf: string }>('GET', HALF, (body) => Object.assign(body, { serverHalf }))
    },
    untouched: true,
    without: ['what an unopened seal means'],
    leak: 'another exit code',
  },
  {
    ...fresh,
    name: 'speaks only protocol versions that do not exist',
    kind: 'unknown version',
    lie: info((body) => {
      body.protocolVersions = [99]
    }),
    exitCode: 1,
    without: ['protocol version'],
    leak: 'success',
  },
  {
    ...fresh,
    name: 'names a store that is no address of the web',
    kind: 'redirect',
    lie: info((body) => {
      body.storeOrigins = ['file:///etc/']
    }),
    without: ['a store has an address of the web'],
    leak: 'success',
  },
  {
    ...fresh,
    name: 'confirms a login that was never proven',
    kind: 'forge',
    lie: () => onAnswer('POST', LOGIN_FINISH, (answer) => ({ ...answer, body: Buffer.from('{}') })),
    exitCode: 7,
    without: ['form of answers'],
    leak: 'another exit code',
  },
]

async function changePins(home: string, change: (keyring: { version: number; hash: string }) => void): Promise<void> {
  const file = join(home, 'pins.json')
  const pins: { keyrings: Record<string, { version: number; hash: string }> } = JSON.parse(await readFile(file, 'utf8'))
  for (const keyring of Object.values(pins.keyrings)) change(keyring)
  await writeFile(file, JSON.stringify(pins))
}
