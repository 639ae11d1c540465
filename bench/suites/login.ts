import { client, ready, server } from '@serenity-kit/opaque'
import { CliDevice } from '../../tests/dev-env/cli.ts'
import { inTurns, summarise, timed } from '../measure.ts'
import { openStand } from '../stand.ts'
import type { Suite } from './suite.ts'

const PASSWORD = 'a bench password'
const STRETCHING = { 'argon2id-custom': { iterations: 3, memory: 65_536, parallelism: 4 } } as const

/** Milliseconds of the last step of an OPAQUE login, which is the stretching but for a little. */
async function stretching(): Promise<number> {
  await ready
  const serverSetup = server.createSetup()
  const common = { serverSetup, userIdentifier: 'bench' }
  const registration = client.startRegistration({ password: PASSWORD })
  const { registrationResponse } = server.createRegistrationResponse({
    ...common,
    registrationRequest: registration.registrationRequest,
  })
  const { registrationRecord } = client.finishRegistration({
    password: PASSWORD,
    registrationResponse,
    clientRegistrationState: registration.clientRegistrationState,
    keyStretching: STRETCHING,
  })
  const login = client.startLogin({ password: PASSWORD })
  const { loginResponse } = server.startLogin({
    ...common,
    registrationRecord,
    startLoginRequest: login.startLoginRequest,
  })
  return timed(() =>
    client.finishLogin({
      password: PASSWORD,
      loginResponse,
      clientLoginState: login.clientLoginState,
      keyStretching: STRETCHING,
    }),
  )
}

const middle = (samples: readonly number[]): number => summarise(samples)?.median ?? 0

export const login: Suite = {
  title: 'Log in',
  async run({ full, quick }) {
    await using stand = await openStand()
    const [whole = [], stretched = [], bare = []] = await inTurns(full ? 15 : quick ? 1 : 5, [
      async () => {
        await using device = await CliDevice.create(stand.server.url)
        return timed(() => device.login('bench@example.org'))
      },
      stretching,
      async () => timed(() => stand.device.ok(['--version'])),
    ])
    // Reason: of medians, because single runs differ by more than what is left over.
    const rest = middle(whole) - middle(stretched) - middle(bare)
    const shared = { by: 'strongroom', unit: 'ms' as const }
    return [
      { ...shared, task: 'strongroom login, the whole command', samples: whole },
      { ...shared, task: 'of it: stretching the password (Argon2id 64 MiB)', samples: stretched },
      { ...shared, task: 'of it: starting the program', samples: bare },
      { ...shared, task: 'of it: the rest', samples: [rest] },
    ]
  },
}
