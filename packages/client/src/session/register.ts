import {
  type AccountId,
  type AccountKey,
  asAccountId,
  asDeviceId,
  createCard,
  type DeviceId,
  disposeKeyring,
  formatRecoveryKey,
  generateAccountKey,
  generateIdentitySeeds,
  generateRecoveryKey,
  generateVaultKey,
  hpkeSealVaultKey,
  type Keyring,
  passwordKek,
  recoveryAuth,
  recoveryKek,
  SecretBytes,
  sealAccountKey,
  sealKeyring,
  toHex,
  xwingPublicKey,
} from '@strongroom/crypto'
import { createGenesis } from '@strongroom/vault'
import { ClientError } from '../errors.ts'
import type { Platform } from '../ports.ts'
import { apiCode } from '../transport/api.ts'
import { contact } from './connect.ts'
import { normaliseLogin, normalisePassword } from './credentials.ts'
import { pinLogin } from './device.ts'
import { DEVICE_RECORD, encodeDeviceName } from './device-names.ts'
import { rememberProfile } from './kdf-profiles.ts'
import { logIn } from './login.ts'
import { afterChange } from './lost-answer.ts'
import { makeRecord } from './opaque-login.ts'
import { type SignedIn, saveSignedIn } from './profile-keys.ts'
import type { Profile } from './records.ts'
import type { RegisterInput } from './types.ts'

/** What is true once the last request was answered, whatever fails then. */
export const REGISTERED = 'The account is made'

/** Answers of the server itself that may pass: after them nothing of the request is on its way any more. */
const OVER: readonly string[] = ['unavailable', 'too_many_requests']

/** In UTF-16 units, as the protocol has it. */
const LONGEST_INVITE = 64

/**
 * Makes an account: all keys are made here, the recovery key is shown and must be taken in before anything is stored,
 * then one request creates everything at once.
 *
 * @throws ClientError `login_taken`, `registration_closed`, `invite_required`, `invite_invalid`, `usage`, `network`, or
 *   what `onRecoveryKey` throws
 */
export async function registerAccount(input: RegisterInput): Promise<SignedIn> {
  const { platform, signal } = input
  const { engine, opaque, store } = platform
  const login = normaliseLogin(input.login)
  const password = normalisePassword(input.password)
  const { api, server, publicKey, receiptKey, serverIdentifier, storeOrigins, registration } = await contact(
    platform,
    input.server,
    signal,
  )
  if (registration === 'closed') {
    throw new ClientError('registration_closed', 'This server takes no new accounts.')
  }
  const invite = input.invite === undefined ? {} : { invite: inviteText(input.invite) }
  if (registration === 'invite' && input.invite === undefined) {
    throw new ClientError('invite_required', 'This server takes invited people only.')
  }
  try {
    const wanted = { login, password, profile: input.kdf ?? null }
    const opaqueRecord = await makeRecord(platform, { publicKey, serverIdentifier }, wanted, (request) =>
      api.call('registerStart', { body: { login, request, ...invite }, signal }),
    )
    const account = await makeAccount(platform, opaqueRecord.exportKey, input.deviceName)
    await showRecoveryKey(input, account)
    const body = { login, record: opaqueRecord.record, ...account.upload, ...invite }
    let failure: ClientError | null = null
    const session = await api.call('registerFinish', { body, signal, retry: false }).catch(async (error: unknown) => {
      // The account may exist although the answer was lost: then its password works.
      if (!(error instanceof ClientError) || error.code !== 'network') throw error
      failure = error
      return null
    })
    if (session === null) return await afterLostAnswer(input, account, failure)
    return await afterChange(REGISTERED, async () => {
      await rememberProfile(platform, { server, login }, opaqueRecord.profile)
      const { accountId, deviceId, accountKey, keyring } = account
      const { keyring: sealedKeyring } = account.upload
      const seen = { keyringVersion: 1, keyring: sealedKeyring }
      await pinLogin(engine, store, { server, publicKey, receiptKey, accountId, deviceId, ...seen })
      const { token, expiresAtMs } = session
      const profile: Profile = {
        ...{ server, storeOrigins, login, accountId, deviceId, deviceName: input.deviceName },
        ...{ token, cookie: platform.cookies === true, expiresAtMs, sealedKeyring, keyringVersion: 1 },
      }
      const signedIn = { profile, accountKey, keyring, serverHalf: SecretBytes.take(session.serverHalf) }
      await saveSignedIn(platform, signedIn)
      return signedIn
    })
  } finally {
    await opaque.close()
  }
}

/** A code as it can be sent; whether it is one, the server says. @throws ClientError `invite_invalid` */
function inviteText(text: string): string {
  const trimmed = text.trim()
  if (trimmed !== '' && trimmed.length <= LONGEST_INVITE) return trimmed
  const details = { reason: 'invite_unknown' }
  throw new ClientError('invite_invalid', 'This is no invitation.', { details })
}

interface NewAccount {
  readonly accountId: AccountId
  readonly deviceId: DeviceId
  readonly accountKey: AccountKey
  readonly keyring: Keyring
  /** Shown once. */
  readonly recoveryText: string
  readonly upload: {
    readonly accountId: AccountId
    readonly passwordEnvelope: Uint8Array
    readonly recoveryEnvelope: Uint8Array
    readonly recoveryAuthHash: Uint8Array
    readonly card: Uint8Array
    readonly keyring: Uint8Array
    readonly genesis: Uint8Array
  }
}

async function makeAccount(platform: Platform, exported: SecretBytes, deviceName: string): Promise<NewAccount> {
  const { engine, clock } = platform
  const accountId = asAccountId(engine.randomBytes(16))
  const deviceId = asDeviceId(engine.randomBytes(16))
  const accountKey = generateAccountKey(engine)
  const vaultKey = generateVaultKey(engine)
  const seeds = generateIdentitySeeds(engine)
  const timeMs = clock.nowMs()
  const card = await createCard(engine, seeds, { accountId, timeMs })
  const publicKey = await xwingPublicKey(seeds.xwing)
  const genesis = await createGenesis(engine, {
    accountId,
    deviceId,
    cardHash: card.hash,
    seeds,
    vaultKey,
    wrapVaultKey: (vaultId) => hpkeSealVaultKey(publicKey, { vaultId, epoch: 1, accountId }, vaultKey),
    timeMs,
    operations: [{ op: 'record', type: DEVICE_RECORD, key: deviceId, value: encodeDeviceName(deviceName) }],
  })
  const keyring: Keyring = {
    version: 1,
    accountId,
    identitySeeds: seeds,
    vaultId: genesis.vaultId,
    genesisHash: genesis.hash,
    vaultKey,
    vaultEpoch: 1,
    anchor: { seq: 0, commitHash: genesis.hash, membersHash: genesis.header.membersHash },
  }
  const recoveryKey = generateRecoveryKey(engine)
  const [byPassword, byRecovery, auth] = await Promise.all([
    passwordKek(engine, exported, accountId),
    recoveryKek(engine, recoveryKey),
    recoveryAuth(engine, recoveryKey),
  ])
  const authBytes = auth.use((bytes) => bytes.slice())
  try {
    return {
      accountId,
      deviceId,
      accountKey,
      keyring,
      recoveryText: formatRecoveryKey(recoveryKey),
      upload: {
        accountId,
        passwordEnvelope: await sealAccountKey(engine, byPassword, { accountId, method: 1, version: 1 }, accountKey),
        recoveryEnvelope: await sealAccountKey(engine, byRecovery, { accountId, method: 2, version: 1 }, accountKey),
        recoveryAuthHash: await engine.sha256(authBytes),
        card: card.bytes,
        keyring: await sealKeyring(engine, accountKey, keyring),
        genesis: genesis.bytes,
      },
    }
  } finally {
    authBytes.fill(0)
    for (const secret of [exported, byPassword, byRecovery, auth, recoveryKey]) secret.dispose()
  }
}

async function showRecoveryKey(input: RegisterInput, account: NewAccount): Promise<void> {
  try {
    await input.onRecoveryKey(account.recoveryText)
  } catch (error) {
    account.accountKey.dispose()
    disposeKeyring(account.keyring)
    throw error
  }
}

/**
 * The last request failed or its answer was lost: whoever can log in under the account's id has made it.
 *
 * Where the server itself has answered that request, it is over, and an account that is not there then was not made
 * (`not_made`). Else the request may still be on its way.
 */
async function afterLostAnswer(input: RegisterInput, account: NewAccount, failure: unknown): Promise<SignedIn> {
  account.accountKey.dispose()
  disposeKeyring(account.keyring)
  try {
    const { signedIn, kept } = await logIn(input)
    await kept
    if (toHex(signedIn.profile.accountId) === toHex(account.accountId)) return signedIn
    throw new ClientError('login_taken', 'The login name is in use; choose another.')
  } catch (error) {
    if (error instanceof ClientError && error.code === 'authentication' && apiCode(error) !== 'session_expired') {
      if (OVER.includes(apiCode(failure) ?? '')) {
        const message = 'The server could not make the account at the moment.'
        throw new ClientError('network', message, { cause: failure, details: { reason: 'not_made' } })
      }
      throw new ClientError('network', 'The server was lost, and the account is not there by now; register again.', {
        cause: error,
      })
    }
    throw error
  }
}
