import {
  type AccountKey,
  asVaultKey,
  formatRecoveryKey,
  generateAccountKey,
  generateRecoveryKey,
  type Keyring,
  passwordKek,
  type RecoveryKey,
  type SecretBytes,
  sealAccountKey,
  sealKeyring,
} from '@strongroom/crypto'
import type { BodyOf, ROUTES } from '@strongroom/protocol'
import {
  type Begun,
  beginChange,
  type CredentialContext,
  openStored,
  PROOF_MS,
  sealForRecovery,
  sendChange,
} from './change-credentials.ts'
import { normalisePassword } from './credentials.ts'
import { type KdfProfile, keptProfile, rememberProfile } from './kdf-profiles.ts'
import type { SealedKeyring } from './keyring-source.ts'
import { settleLostAnswer } from './lost-answer.ts'
import { makeRecord } from './opaque-login.ts'

export interface AccountKeyInput {
  readonly password: string
  /** A new password, where the old one may be known to others; without it the password stays. */
  readonly newPassword?: string | undefined
  readonly kdf?: KdfProfile | undefined
  /** Shows the new recovery key and returns once the user has it safe; a rejection changes nothing. */
  readonly onRecoveryKey: (text: string) => Promise<void> | void
}

/** The account's new keys; the receiver disposes of both. */
export interface RotatedKeys extends SealedKeyring {
  readonly accountKey: AccountKey
}

type Change = BodyOf<(typeof ROUTES)['credentialsChange']>
type PasswordPart = Pick<Change, 'password' | 'passwordEnvelope'>

/**
 * Replaces the account key: keyring and both envelopes are sealed anew and change at once, with a new recovery key. No
 * file is touched; the account's other sessions end.
 *
 * @throws ClientError as `changePassword`
 */
export async function rotateAccountKey(
  context: CredentialContext,
  input: AccountKeyInput,
  signal: AbortSignal | undefined,
): Promise<RotatedKeys> {
  const { platform, api, accountId } = context
  const { engine, clock, opaque } = platform
  // Refused before anything is asked.
  const newPassword = input.newPassword === undefined ? undefined : normalisePassword(input.newPassword)
  using recoveryKey = generateRecoveryKey(engine)
  const accountKey = generateAccountKey(engine)
  let begun: Begun | null = null
  try {
    const begunMs = clock.nowMs()
    // Before the new key is shown, so that a wrong password is noticed first.
    begun = await beginChange(context, input.password, signal)
    await input.onRecoveryKey(formatRecoveryKey(recoveryKey))
    if (clock.nowMs() > begunMs + PROOF_MS) {
      begun.proved.exportKey.dispose()
      begun = await beginChange(context, input.password, signal)
    }
    const { proved, expected } = begun
    const part = await passwordPart(context, begun, { newPassword, kdf: input.kdf, accountKey }, signal)
    const place = { accountId, method: 2 as const, version: expected.recovery + 1 }
    const recovery = await sealForRecovery(platform, recoveryKey, place, accountKey)
    const keyring = nextVersion(context.source.current, expected.keyring + 1)
    const sealed = await sealKeyring(engine, accountKey, keyring)
    await settleLostAnswer({
      what: 'the account key',
      signal,
      send: () => sendChange(api, { proof: proved.proof, expected, ...part.change, recovery, keyring: sealed }, signal),
      found: () => findRotated(context, recoveryKey, signal),
    })
    if (part.remember !== null) {
      // Only a hint for the next login; the change is made.
      const server = { server: api.server, login: context.login }
      await rememberProfile(platform, server, part.remember).catch(() => undefined)
    }
    return { accountKey, keyring, sealed }
  } catch (error) {
    accountKey.dispose()
    throw error
  } finally {
    begun?.proved.exportKey.dispose()
    await opaque.close()
  }
}

/** A new record where the password changes; else only the envelope, under the key that the proof gave. */
async function passwordPart(
  { platform, api, accountId, login }: CredentialContext,
  { server, proved, expected }: Begun,
  input: { newPassword: string | undefined; kdf: KdfProfile | undefined; accountKey: AccountKey },
  signal: AbortSignal | undefined,
): Promise<{ change: PasswordPart; remember: KdfProfile | null }> {
  const { engine } = platform
  const place = { accountId, method: 1 as const, version: expected.password + 1 }
  const sealWith = async (exportKey: SecretBytes): Promise<Uint8Array> => {
    using kek = await passwordKek(engine, exportKey, accountId)
    return await sealAccountKey(engine, kek, place, input.accountKey)
  }
  if (input.newPassword === undefined) {
    return { change: { passwordEnvelope: await sealWith(proved.exportKey) }, remember: null }
  }
  const wanted = { login, password: input.newPassword, profile: input.kdf ?? keptProfile(proved.profile) }
  const made = await makeRecord(platform, server, wanted, (request) =>
    api.call('credentialsStart', { body: { login, request }, signal }),
  )
  using exportKey = made.exportKey
  const password = { login, record: made.record, envelope: await sealWith(exportKey) }
  return { change: { password }, remember: made.profile }
}

/** Only who has the new recovery key could have stored what it opens. */
async function findRotated(
  { platform, api, accountId }: CredentialContext,
  recoveryKey: RecoveryKey,
  signal: AbortSignal | undefined,
): Promise<true | null> {
  const opened = await openStored(platform, recoveryKey, await api.call('credentialsRead', { signal }), accountId)
  opened?.dispose()
  return opened === null ? null : true
}

/** The same keyring under another version; its secrets are copies. */
function nextVersion(current: Keyring, version: number): Keyring {
  const { ed25519, xwing, oldXwing } = current.identitySeeds
  const identitySeeds = {
    ed25519: ed25519.clone(),
    xwing: xwing.clone(),
    oldXwing: oldXwing.map((seed) => seed.clone()),
  }
  return { ...current, version, identitySeeds, vaultKey: asVaultKey(current.vaultKey.clone()) }
}
