import { server as opaque } from '@serenity-kit/opaque'
import { LIMITS, normaliseLogin } from '@strongroom/protocol'
import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import type { Clock, Random } from '../../ports/index.ts'
import { recordTogether } from '../audit/record.ts'
import { refusalOf } from '../dependency-errors.ts'
import { ServerError } from '../errors.ts'
import type { OuterKeys } from '../keys/outer-keys.ts'
import { openOuter, sealOuter } from '../keys/outer-layer.ts'
import { envelopePlace, keyringPlace, loginStatePlace } from '../keys/places.ts'
import type { ServerSetup } from '../keys/server-setup.ts'
import { createSession, type NewSession } from '../sessions/sessions.ts'
import { accountOrStranger } from './account-or-stranger.ts'
import {
  attempt,
  encodeLoginState,
  finishOpaque,
  giveBackLoginState,
  type LoginProof,
  type ProvenLogin,
  requireProven,
} from './login-state.ts'
import { giveBackTry, issueTicket, spendTicket, tryTicket } from './login-ticket.ts'
import { hasSecondFactor, type SpendCode, withSecondFactor } from './second-factor.ts'

const PASSWORD_METHOD = 1

interface Deps {
  database: Database
  clock: Clock
  random: Random
  setup: ServerSetup
  outerKeys: OuterKeys
}

/** The login name in its normal form. @throws ServerError `bad_request` */
export function loginName(login: string): string {
  const name = normaliseLogin(login)
  if (name === null) throw new ServerError('bad_request', { details: { path: 'login' } })
  return name
}

/** OPAQUE's first login message. @throws ServerError `bad_request` when the message is not one */
export async function startLogin(
  deps: Omit<Deps, 'outerKeys'>,
  input: { login: string; request: string },
): Promise<{ loginId: Uint8Array; response: string }> {
  const login = loginName(input.login)
  const account = await accountOrStranger(deps, login)
  const started = attempt('bad_request', () =>
    opaque.startLogin({
      serverSetup: deps.setup.opaqueSetup,
      registrationRecord: account.opaqueRecord,
      startLoginRequest: input.request,
      userIdentifier: deps.setup.userIdentifier(login),
      identifiers: { server: deps.setup.serverIdentifier },
    }),
  )
  const loginId = deps.random.bytes(16)
  const state = encodeLoginState(account, started.serverLoginState)
  await deps.database
    .insertInto('login_states')
    .values({
      id: loginId,
      sealed: sealOuter(deps.random, deps.setup.loginStateKey, loginStatePlace(loginId), state),
      expires_ms: deps.clock.nowMs() + LIMITS.loginLifeMs,
    })
    .execute()
  return { loginId, response: started.loginResponse }
}

/** What rate limits know an account by. */
export async function loginHashOf(deps: Pick<Deps, 'database'>, accountId: Uint8Array): Promise<string> {
  const account = await deps.database
    .selectFrom('accounts')
    .select('login_hash')
    .where('id', '=', accountId)
    .executeTakeFirstOrThrow()
  return account.login_hash
}

export interface LoggedIn extends NewSession {
  readonly passwordEnvelope: Uint8Array
  readonly passwordEnvelopeVersion: number
  readonly keyring: Uint8Array
  readonly keyringVersion: number
}

/** What whoever signs in on a new device says of it. */
interface NewDevice {
  readonly newDevice?: Uint8Array | undefined
}

/** A password that was proved by someone who has to show the second factor too. */
export interface AwaitsSecondFactor {
  readonly secondFactor: Uint8Array
}

/**
 * OPAQUE's third message: uses up the login state, begins a session and releases the sealed keys, or asks for the second
 * factor where the account has one.
 *
 * @throws ServerError `login_failed` for a wrong password, an unknown account, a state that was used or is too old
 */
export async function finishLogin(deps: Deps, proof: LoginProof & NewDevice): Promise<LoggedIn | AwaitsSecondFactor> {
  const proven = await finishOpaque(deps, proof)
  if (await hasSecondFactor(deps, proven.accountId)) return { secondFactor: await issueTicket(deps, proven) }
  return signIn(deps, proven, { shown: null, newDevice: proof.newDevice }).catch(async (error: unknown) => {
    if (refusalOf(error)?.code === 'unavailable') await giveBackLoginState(deps, proven.state)
    throw error
  })
}

/**
 * The code that a login was asked for: uses up its ticket, begins a session and releases the sealed keys.
 *
 * @throws ServerError `login_failed` for a ticket that is unknown, used or too old, or a password that was changed
 * meanwhile; `second_factor_failed`; `too_many_requests`
 */
export async function finishSecondFactor(
  deps: Deps,
  input: { ticket: Uint8Array; code: string } & NewDevice,
): Promise<LoggedIn> {
  const proven = await tryTicket(deps, input.ticket)
  return signIn(deps, proven, { shown: input, newDevice: input.newDevice }).catch(async (error: unknown) => {
    if (refusalOf(error)?.code === 'unavailable') await giveBackTry(deps, input.ticket)
    throw error
  })
}

/**
 * Invariant: nothing that a client sealed leaves the server before this ends, which takes the password's proof and the
 * second factor.
 */
async function signIn(
  deps: Deps,
  proven: ProvenLogin,
  { shown, newDevice }: { readonly shown: { ticket: Uint8Array; code: string } | null } & NewDevice,
): Promise<LoggedIn> {
  const { accountId } = proven
  // Read before the transaction, which must not wait for the key service; the envelope changes with the record only.
  const keys = await releaseKeys(deps, accountId)
  const outer = await deps.outerKeys.newest(accountId)
  const begin = async (tx: DatabaseTransaction, spend: SpendCode): Promise<NewSession> => {
    await requireProven(tx, proven)
    if (shown !== null) await spendTicket(tx, shown.ticket)
    await spend()
    const begun = await createSession({ ...deps, database: tx }, { accountId, outer, deviceId: newDevice })
    const events = newDevice === undefined ? (['signed_in'] as const) : (['signed_in', 'device_named'] as const)
    await recordTogether(deps, tx, { accountId, sessionId: begun.sessionId, events })
    return begun
  }
  const session =
    shown === null
      ? await deps.database.transaction().execute((tx) => begin(tx, async () => undefined))
      : await withSecondFactor(deps, { accountId, code: shown.code }, begin)
  return { ...session, ...keys }
}

async function releaseKeys(deps: Pick<Deps, 'database' | 'outerKeys'>, accountId: Uint8Array) {
  const envelope = await deps.database
    .selectFrom('envelopes')
    .select(['version', 'outer_version', 'sealed'])
    .where('account_id', '=', accountId)
    .where('method', '=', PASSWORD_METHOD)
    .executeTakeFirst()
  // A fake record can't be logged into; an account that vanished in between must look the same.
  if (envelope === undefined) throw new ServerError('login_failed')
  const envelopeKey = await deps.outerKeys.version(accountId, envelope.outer_version)
  return {
    passwordEnvelope: openOuter(
      envelopeKey,
      envelopePlace(accountId, PASSWORD_METHOD, envelope.version),
      envelope.sealed,
    ),
    passwordEnvelopeVersion: envelope.version,
    ...(await releaseKeyring(deps, accountId)),
  }
}

/** The keyring without its outer layer, as its client sealed it. */
export async function releaseKeyring(
  deps: Pick<Deps, 'database' | 'outerKeys'>,
  accountId: Uint8Array,
): Promise<{ keyring: Uint8Array; keyringVersion: number }> {
  const row = await deps.database
    .selectFrom('keyrings')
    .select(['version', 'outer_version', 'sealed'])
    .where('account_id', '=', accountId)
    .executeTakeFirstOrThrow()
  const key = await deps.outerKeys.version(accountId, row.outer_version)
  return { keyring: openOuter(key, keyringPlace(accountId, row.version), row.sealed), keyringVersion: row.version }
}
