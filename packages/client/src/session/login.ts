import {
  type AccountId,
  type AccountKey,
  asAccountId,
  type DeviceId,
  disposeKeyring,
  equalBytes,
  type Keyring,
  openAccountKey,
  openKeyring,
  passwordKek,
  SecretBytes,
} from '@strongroom/crypto'
import type { ResponseOf, ROUTES } from '@strongroom/protocol'
import { ClientError } from '../errors.ts'
import { type Api, apiCode, normaliseServer } from '../transport/api.ts'
import { Transient, withRetries } from '../transport/retry.ts'
import { contact, jitter } from './connect.ts'
import { normaliseLogin, normalisePassword } from './credentials.ts'
import { checkLogin, deviceFor, freshDevice, pinLogin } from './device.ts'
import { type KdfProfile, profilePin } from './kdf-profiles.ts'
import { type OpaqueServer, type PreparedProof, prepareProof, prove } from './opaque-login.ts'
import { type SignedIn, saveSignedIn, sealFailure } from './profile-keys.ts'
import type { Profile } from './records.ts'
import { showSecondFactor } from './second-factor.ts'
import type { Credentials } from './types.ts'

type SignedInAnswer = ResponseOf<(typeof ROUTES)['loginSecondFactor']>

/** What a login has ended in. */
export interface LoggedIn {
  readonly signedIn: SignedIn
  /** Under which the password was right. */
  readonly profile: KdfProfile
  /** Whether the server knows which device the session is. */
  readonly isDeviceTold: boolean
  /**
   * Resolves once pins and profile are on the disk. Wait for it before anything is built on what was seen, and before the
   * user is told; it borrows the keys until then.
   *
   * @throws ClientError `local_io`, or `integrity` where another process has seen more meanwhile
   */
  readonly kept: Promise<void>
}

/**
 * Logs in: OPAQUE proves both sides to each other, then account key and keyring are opened and held against the pins.
 *
 * @throws ClientError `authentication` for a wrong login name or password, `integrity`, `network`, `usage`
 */
export async function logIn(input: Credentials): Promise<LoggedIn> {
  const { platform, signal } = input
  const { engine, opaque, store } = platform
  const login = normaliseLogin(input.login)
  const password = normalisePassword(input.password)
  const place = { server: normaliseServer(input.server), login }
  const prepared = prepareProof(platform, place, password)
  // Who waits for it is told.
  prepared.catch(() => undefined)
  try {
    const { api, server, publicKey, receiptKey, serverIdentifier, storeOrigins } = await contact(
      platform,
      input.server,
      signal,
    )
    const opaqueServer = { api, publicKey, serverIdentifier }
    const newDevice = await freshDevice(engine, store)
    const typed = { login, password, prepared }
    const { session, exportKey, profile: kdfProfile } = await beginSession(input, opaqueServer, { typed, newDevice })
    const accountId = asAccountId(session.accountId)
    const accountKey = await openEnvelope(input, exportKey, accountId, session)
    const keyring = await openSealedKeyring(input, accountKey, accountId, session)
    const deviceId = await deviceFor(engine, store, accountId, newDevice)
    const seen = {
      server,
      publicKey,
      receiptKey,
      accountId,
      deviceId,
      keyringVersion: session.keyringVersion,
      keyring: session.keyring,
      kdf: await profilePin(engine, place, kdfProfile),
    }
    await checkLogin(engine, store, seen).catch((error: unknown) => {
      accountKey.dispose()
      disposeKeyring(keyring)
      throw error
    })
    const profile: Profile = {
      server,
      storeOrigins,
      login,
      accountId,
      deviceId,
      deviceName: input.deviceName,
      token: session.token,
      cookie: platform.cookies === true,
      expiresAtMs: session.expiresAtMs,
      sealedKeyring: session.keyring,
      keyringVersion: session.keyringVersion,
    }
    const serverHalf = SecretBytes.take(session.serverHalf)
    const signedIn = { profile, accountKey, keyring, serverHalf }
    // Invariant: a profile is never there without the pins.
    const kept = pinLogin(engine, store, seen).then(() => saveSignedIn(platform, signedIn))
    // Who waits for it is told.
    kept.catch(() => undefined)
    const isDeviceTold = newDevice !== undefined && equalBytes(newDevice, deviceId)
    return { signedIn, profile: kdfProfile, isDeviceTold, kept }
  } finally {
    await opaque.close()
  }
}

interface Typed {
  readonly login: string
  readonly password: string
  readonly prepared: Promise<PreparedProof>
}

interface BegunSession {
  readonly session: SignedInAnswer
  /** The caller's to dispose of. */
  readonly exportKey: SecretBytes
  readonly profile: KdfProfile
}

/**
 * Proves the password and lets the server begin a session. Where the answer to the third message is lost, the login is
 * begun anew: its state at the server works once.
 */
async function beginSession(
  input: Credentials,
  server: OpaqueServer,
  { typed, newDevice }: { readonly typed: Typed; readonly newDevice: DeviceId | undefined },
): Promise<BegunSession> {
  const { platform, signal } = input
  const { login, password } = typed
  const context = { clock: platform.clock, random: jitter(platform.engine), signal }
  return withRetries(context, async (attempt) => {
    const place = { server: server.api.server, login }
    const prepared = await (attempt === 1 ? typed.prepared : prepareProof(platform, place, password))
    const { proof, exportKey, profile } = await prove(platform, server, { login, password, signal }, prepared)
    // The thread has done its work, and ends while the server does its own.
    const ended = platform.opaque.close()
    try {
      const body = { ...proof, newDevice }
      const answer = await server.api.call('loginFinish', { body, signal, retry: false }).catch(lost)
      return { session: await afterSecondFactor(input, server.api, { answer, newDevice }), exportKey, profile }
    } catch (error) {
      exportKey.dispose()
      throw error
    } finally {
      await ended
    }
  })
}

/** @throws Transient where asking again may help */
function lost(error: unknown): never {
  const away = error instanceof ClientError && error.code === 'network' && apiCode(error) !== 'too_many_requests'
  throw away ? new Transient(error) : error
}

/** The session, after the second factor where the account has one. */
async function afterSecondFactor(
  input: Credentials,
  api: Api,
  finish: {
    readonly answer: ResponseOf<(typeof ROUTES)['loginFinish']>
    readonly newDevice: DeviceId | undefined
  },
): Promise<SignedInAnswer> {
  const { answer, newDevice } = finish
  if (!('secondFactor' in answer)) return answer
  const ticket = answer.secondFactor
  return await showSecondFactor(input.onSecondFactor, (code) =>
    api.call('loginSecondFactor', { body: { ticket, code, newDevice }, signal: input.signal, retry: false }),
  )
}

async function openEnvelope(
  { platform: { engine } }: Credentials,
  exportKey: SecretBytes,
  accountId: AccountId,
  session: { passwordEnvelope: Uint8Array; passwordEnvelopeVersion: number },
): Promise<AccountKey> {
  const kek = await passwordKek(engine, exportKey, accountId)
  try {
    const place = { accountId, method: 1 as const, version: session.passwordEnvelopeVersion }
    return await openAccountKey(engine, kek, place, session.passwordEnvelope)
  } catch (cause) {
    throw sealFailure('the account key', cause)
  } finally {
    exportKey.dispose()
    kek.dispose()
  }
}

async function openSealedKeyring(
  { platform: { engine } }: Credentials,
  accountKey: AccountKey,
  accountId: AccountId,
  session: { keyring: Uint8Array; keyringVersion: number },
): Promise<Keyring> {
  try {
    return await openKeyring(engine, accountKey, { accountId, version: session.keyringVersion }, session.keyring)
  } catch (cause) {
    accountKey.dispose()
    throw sealFailure('the keyring', cause)
  }
}
