import {
  type AccountKey,
  asAccountId,
  disposeKeyring,
  formatRecoveryKey,
  generateRecoveryKey,
  type Keyring,
  openAccountKey,
  openKeyring,
  passwordKek,
  type RecoveryKey,
  recoveryAuth,
  recoveryKek,
  SecretBytes,
  sealAccountKey,
  toHex,
} from '@strongroom/crypto'
import type { BodyOf, ResponseOf, ROUTES } from '@strongroom/protocol'
import { type Api, apiCode } from '../transport/api.ts'
import { profileOf, sealForRecovery } from './change-credentials.ts'
import { contact } from './connect.ts'
import { normaliseLogin, normalisePassword } from './credentials.ts'
import { deviceFor, pinLogin } from './device.ts'
import { rememberProfile } from './kdf-profiles.ts'
import { logIn } from './login.ts'
import { afterChange, settleLostAnswer } from './lost-answer.ts'
import { makeRecord, type OpaqueServer } from './opaque-login.ts'
import { advanceKeyring, loadPins } from './pins.ts'
import { type SignedIn, saveSignedIn, sealFailure } from './profile-keys.ts'
import { readRecoveryKey } from './recovery-key.ts'
import { showSecondFactor } from './second-factor.ts'
import type { RecoverInput } from './types.ts'

/** What is true once the last request was answered, whatever fails then. */
export const RECOVERED = 'The new password and the new recovery key count'

type Opened = ResponseOf<(typeof ROUTES)['recoveryOpen']>

/**
 * Lets in who lost the password: the recovery key opens the account, which gets a new password and a new recovery key.
 * All its sessions end, and this device is signed in.
 *
 * @throws ClientError `usage` for a mistyped key (see `checkRecoveryKey`), `authentication` for a wrong login name, key
 * or second factor, `conflict`, `integrity`, `network` (`details.reason`: `not_changed`, or `outcome_unknown`)
 */
export async function recoverAccount(input: RecoverInput): Promise<SignedIn> {
  const { platform, signal } = input
  const { engine, opaque, store } = platform
  const login = normaliseLogin(input.login)
  const password = normalisePassword(input.newPassword)
  using recoveryKey = readRecoveryKey(input.recoveryKey)
  const { api, server, publicKey, receiptKey, serverIdentifier, storeOrigins } = await contact(
    platform,
    input.server,
    signal,
  )
  const opened = await openRecovery(input, api, { login, recoveryKey })
  const keys = await openKeys(input, recoveryKey, opened)
  const { accountId, versions, recoveryId } = opened
  const account = asAccountId(accountId)
  let lost = false
  try {
    const wanted = { login, password, profile: input.kdf ?? null }
    const made = await makeRecord(platform, { publicKey, serverIdentifier }, wanted, (request) =>
      api.call('recoveryStart', { body: { recoveryId, request }, signal }),
    )
    using exportKey = made.exportKey
    using kek = await passwordKek(engine, exportKey, account)
    using nextKey = generateRecoveryKey(engine)
    const byPassword = { accountId: account, method: 1 as const, version: versions.password + 1 }
    const byRecovery = { accountId: account, method: 2 as const, version: versions.recovery + 1 }
    const recovery = await sealForRecovery(platform, nextKey, byRecovery, keys.accountKey)
    const body = {
      recoveryId,
      record: made.record,
      passwordEnvelope: await sealAccountKey(engine, kek, byPassword, keys.accountKey),
      recoveryEnvelope: recovery.envelope,
      recoveryAuthHash: recovery.authHash,
    }
    await input.onRecoveryKey(formatRecoveryKey(nextKey))
    const session = await finish(input, { api, publicKey, serverIdentifier }, body)
    if ('profile' in session) {
      lost = true
      return session
    }
    return await afterChange(RECOVERED, async () => {
      await rememberProfile(platform, { server, login }, made.profile)
      const deviceId = await deviceFor(engine, store, account)
      const { keyring: sealedKeyring } = opened
      const keyringVersion = versions.keyring
      const seen = { keyringVersion, keyring: sealedKeyring }
      await pinLogin(engine, store, { server, publicKey, receiptKey, accountId: account, deviceId, ...seen })
      const { token, expiresAtMs } = session
      const profile = {
        ...{ server, storeOrigins, login, accountId: account, deviceId, deviceName: input.deviceName },
        ...{ token, cookie: platform.cookies === true, expiresAtMs, sealedKeyring, keyringVersion },
      }
      const signedIn = { profile, ...keys, serverHalf: SecretBytes.take(session.serverHalf) }
      await saveSignedIn(platform, signedIn)
      return signedIn
    })
  } catch (error) {
    lost = true
    throw error
  } finally {
    // The keys were opened anew by the login that followed a lost answer, or nobody gets them.
    if (lost) disposeKeys(keys)
    await opaque.close()
  }
}

/** Proves the recovery key, and the second factor where the account has one. */
async function openRecovery(
  input: RecoverInput,
  api: Api,
  { login, recoveryKey }: { login: string; recoveryKey: RecoveryKey },
): Promise<Opened> {
  const { platform, signal } = input
  using branch = await recoveryAuth(platform.engine, recoveryKey)
  const auth = branch.use((bytes) => bytes.slice())
  try {
    return await api.call('recoveryOpen', { body: { login, auth }, signal })
  } catch (error) {
    if (apiCode(error) !== 'second_factor_required') throw error
    return await showSecondFactor(input.onSecondFactor, (code) =>
      api.call('recoveryOpen', { body: { login, auth, code }, signal, retry: false }),
    )
  } finally {
    auth.fill(0)
  }
}

interface AccountKeys {
  readonly accountKey: AccountKey
  readonly keyring: Keyring
}

/** Opens what the recovery key opens, and holds it against the pins before anything is changed. */
async function openKeys({ platform }: RecoverInput, recoveryKey: RecoveryKey, opened: Opened): Promise<AccountKeys> {
  const { engine, store } = platform
  const { versions } = opened
  const accountId = asAccountId(opened.accountId)
  const hash = toHex(await engine.sha256(opened.keyring))
  advanceKeyring(await loadPins(store), toHex(accountId), { version: versions.keyring, hash })
  using kek = await recoveryKek(engine, recoveryKey)
  const place = { accountId, method: 2 as const, version: versions.recovery }
  const accountKey = await openAccountKey(engine, kek, place, opened.recoveryEnvelope).catch((cause: unknown) => {
    throw sealFailure('the account key', cause)
  })
  const version = versions.keyring
  const keyring = await openKeyring(engine, accountKey, { accountId, version }, opened.keyring).catch(
    (cause: unknown) => {
      accountKey.dispose()
      throw sealFailure('the keyring', cause)
    },
  )
  return { accountKey, keyring }
}

function disposeKeys({ accountKey, keyring }: AccountKeys): void {
  accountKey.dispose()
  disposeKeyring(keyring)
}

type Finished = ResponseOf<(typeof ROUTES)['recoveryFinish']>

/** Sends the last request; when its answer is lost, a login with the new password tells whether it was done. */
function finish(
  input: RecoverInput,
  server: OpaqueServer,
  body: BodyOf<(typeof ROUTES)['recoveryFinish']>,
): Promise<Finished | SignedIn> {
  const { platform, signal } = input
  return settleLostAnswer<Finished | SignedIn>({
    what: 'password and recovery key',
    signal,
    send: () => server.api.call('recoveryFinish', { body, signal, retry: false }),
    found: async () => {
      const password = normalisePassword(input.newPassword)
      const profile = await profileOf(platform, server, { login: normaliseLogin(input.login), password, signal })
      if (profile === null) return null
      const { signedIn, kept } = await logIn({ ...input, password: input.newPassword })
      await kept
      return signedIn
    },
  })
}
