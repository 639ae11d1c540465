import { join } from 'node:path'
import type { Lie } from '../../harness/proxy.ts'
import type { LieCase } from '../attempt.ts'
import { ACCOUNT, type AccountBody, LOGIN_FINISH, type LoginBody, onJson } from '../lies.ts'
import { recordLogin } from '../recordings.ts'
import type { World } from '../world.ts'

/** Alice's password after she has changed it. */
export const NEXT = 'another passphrase of alice 99'

/** What alice's logins were answered before she changed the password, and then the account's key. */
interface Before {
  readonly password: LoginBody
  /** Her password is the newest one already. */
  readonly account: LoginBody
}

/** Of the changes, which are made once. */
const changes = new WeakMap<World, Promise<Before>>()

export function before(world: World): Promise<Before> {
  const made = changes.get(world) ?? changeAll(world)
  changes.set(world, made)
  return made
}

async function changeAll(world: World): Promise<Before> {
  const { alice } = world
  const password = await recordLogin(world, alice, 'alice')
  await alice.ok(['passwd'], { env: { STRONGROOM_NEW_PASSWORD: NEXT } })
  const account = await recordLogin(world, alice, 'alice', NEXT)
  await alice.ok(['keys', 'rotate', '--account', '--recovery-file', join(alice.home, 'second.txt')], { password: NEXT })
  return { password, account }
}

/** Answers a login with something that was true once. */
export function replayed(when: keyof Before, what: 'envelope' | 'keyring' | 'both'): (world: World) => Promise<Lie> {
  return async (world) => {
    const { passwordEnvelope, passwordEnvelopeVersion, keyring, keyringVersion } = (await before(world))[when]
    return onJson<LoginBody>('POST', LOGIN_FINISH, (body) => {
      if (what !== 'keyring') Object.assign(body, { passwordEnvelope, passwordEnvelopeVersion })
      if (what !== 'envelope') Object.assign(body, { keyring, keyringVersion })
    })
  }
}

const known = { command: ['login', 'alice'], password: NEXT } as const
const fresh = { ...known, newDevice: true } as const

/** Lies with what was true before alice changed her password and her keys. */
export const REPLAYS: readonly LieCase[] = [
  {
    ...known,
    name: 'replays the envelope from before a change of the password',
    kind: 'old envelope',
    lie: replayed('password', 'envelope'),
    without: ['what an unopened seal means'],
    leak: 'another exit code',
  },
  {
    ...fresh,
    name: 'replays the envelope from before a change of the password to a new device',
    kind: 'old envelope',
    lie: replayed('password', 'envelope'),
    without: ['what an unopened seal means'],
    leak: 'another exit code',
  },
  {
    ...fresh,
    name: 'replays envelope and keyring from before a change of the password to a new device',
    kind: 'old envelope',
    lie: replayed('password', 'both'),
    without: ['what an unopened seal means'],
    leak: 'another exit code',
  },
  {
    ...known,
    name: 'replays envelope and keyring from before a new account key',
    kind: 'old keyring',
    lie: replayed('account', 'both'),
    without: ['keyring went back'],
    leak: 'success',
  },
  {
    ...known,
    name: 'replays the keyring from before a new account key',
    kind: 'old keyring',
    lie: replayed('account', 'keyring'),
    without: ['what an unopened seal means'],
    leak: 'another exit code',
  },
  {
    ...fresh,
    name: 'replays the keyring from before a new account key to a new device',
    kind: 'old keyring',
    lie: replayed('account', 'keyring'),
    without: ['what an unopened seal means'],
    leak: 'another exit code',
  },
  {
    ...known,
    name: 'replays the keyring from before a new account key to a session that goes on',
    kind: 'old keyring',
    command: ['whoami'],
    lie: async (world) => {
      const { keyring, keyringVersion } = (await before(world)).account
      return onJson<AccountBody>('GET', ACCOUNT, (body) => Object.assign(body, { keyring, keyringVersion }))
    },
    without: ['keyring went back'],
    leak: 'success',
  },
]
