import {
  type AccountId,
  type AccountKey,
  CryptoError,
  equalBytes,
  formatRecoveryKey,
  generateRecoveryKey,
  openAccountKey,
  passwordKek,
  type RecoveryKey,
  recoveryAuth,
  recoveryKek,
  sealAccountKey,
} from '@strongroom/crypto'
import type { BodyOf, ResponseOf, ROUTES } from '@strongroom/protocol'
import { ClientError, integrityError } from '../errors.ts'
import type { Platform } from '../ports.ts'
import type { Api } from '../transport/api.ts'
import { normaliseLogin, normalisePassword } from './credentials.ts'
import { type KdfProfile, keptProfile, rememberProfile } from './kdf-profiles.ts'
import type { KeyringSource } from './keyring-source.ts'
import { settleLostAnswer } from './lost-answer.ts'
import {
  makeRecord,
  type OpaqueServer,
  type PasswordInput,
  type ProvedPassword,
  proveToServer,
} from './opaque-login.ts'
import { sealFailure } from './profile-keys.ts'
import { pinnedServer } from './prove-password.ts'
import { readRecoveryKey } from './recovery-key.ts'

/** What changes of credentials need of a session. */
export interface CredentialContext {
  readonly platform: Platform
  readonly api: Api
  readonly server: string
  /** Login name, normalised. */
  readonly login: string
  readonly accountId: AccountId
  readonly accountKey: AccountKey
  readonly source: KeyringSource
}

/** How long after a proof was begun it is still sent; the server forgets it after a minute. */
export const PROOF_MS = 45_000

type Change = BodyOf<(typeof ROUTES)['credentialsChange']>
type Stored = ResponseOf<(typeof ROUTES)['credentialsRead']>

/**
 * Replaces the password, and the profile that stretches it where one is given. No file is touched; the account's other
 * sessions end.
 *
 * @throws ClientError `authentication` for a wrong current password, `usage`, `conflict` when another device changed
 * keys meanwhile, `network` (`details.reason`: `not_changed`, or `outcome_unknown` where it cannot be told)
 */
export async function changePassword(
  context: CredentialContext,
  input: { current: string; next: string; kdf?: KdfProfile | undefined },
  signal: AbortSignal | undefined,
): Promise<void> {
  const next = normalisePassword(input.next)
  const { login } = context
  await replacePassword(context, { ...input, login, next }, signal)
}

/**
 * Replaces the login name, which needs the password; returns it in its normal form. The account's other sessions end.
 *
 * @throws ClientError `login_taken`, and as `changePassword`
 */
export async function changeLogin(
  context: CredentialContext,
  input: { password: string; login: string },
  signal: AbortSignal | undefined,
): Promise<string> {
  const login = normaliseLogin(input.login)
  if (login === context.login) throw new ClientError('usage', 'That is the login name already.')
  const next = normalisePassword(input.password)
  await replacePassword(context, { current: input.password, next, login }, signal)
  return login
}

async function replacePassword(
  context: CredentialContext,
  input: { current: string; next: string; login: string; kdf?: KdfProfile | undefined },
  signal: AbortSignal | undefined,
): Promise<void> {
  const { platform, api, accountId } = context
  const { engine, opaque } = platform
  const { next, login } = input
  try {
    const { server, proved, expected } = await beginChange(context, input.current, signal)
    proved.exportKey.dispose()
    const wanted = { login, password: next, profile: input.kdf ?? keptProfile(proved.profile) }
    const made = await makeRecord(platform, server, wanted, (request) =>
      api.call('credentialsStart', { body: { login, request }, signal }),
    )
    using exportKey = made.exportKey
    using kek = await passwordKek(engine, exportKey, accountId)
    const place = { accountId, method: 1 as const, version: expected.password + 1 }
    const envelope = await sealAccountKey(engine, kek, place, context.accountKey)
    const password = { login, record: made.record, envelope }
    await settleLostAnswer({
      what: 'the password',
      signal,
      send: () => sendChange(api, { proof: proved.proof, expected, password }, signal),
      // Only a server that has the new record can answer this login.
      found: async () => {
        const profile = await profileOf(platform, server, { login, password: next, signal })
        return profile === made.profile ? true : null
      },
    })
    // Only a hint for the next login; the change is made.
    await rememberProfile(platform, { server: api.server, login }, made.profile).catch(() => undefined)
  } finally {
    await opaque.close()
  }
}

/** The profile under which a password is the account's now, or null when it is not. @throws ClientError `network` */
export async function profileOf(
  platform: Platform,
  server: OpaqueServer,
  input: PasswordInput,
): Promise<KdfProfile | null> {
  try {
    const proved = await proveToServer(platform, server, input)
    proved.exportKey.dispose()
    return proved.profile
  } catch (error) {
    if (error instanceof ClientError && error.code === 'authentication') return null
    throw error
  }
}

/**
 * Replaces the recovery key: the old one opens nothing afterwards.
 *
 * @param input.onRecoveryKey - shows the new key and returns once the user has it safe; a rejection changes nothing
 * @throws ClientError as `changePassword`
 */
export async function replaceRecoveryKey(
  context: CredentialContext,
  input: { password: string; onRecoveryKey: (text: string) => Promise<void> | void },
  signal: AbortSignal | undefined,
): Promise<void> {
  const { platform, api, accountId } = context
  const { engine, clock, opaque } = platform
  using key = generateRecoveryKey(engine)
  try {
    const begunMs = clock.nowMs()
    // Before the new key is shown, so that a wrong password is noticed first.
    let begun = await beginChange(context, input.password, signal)
    begun.proved.exportKey.dispose()
    await input.onRecoveryKey(formatRecoveryKey(key))
    if (clock.nowMs() > begunMs + PROOF_MS) {
      begun = await beginChange(context, input.password, signal)
      begun.proved.exportKey.dispose()
    }
    const { proved, expected } = begun
    const place = { accountId, method: 2 as const, version: expected.recovery + 1 }
    const recovery = await sealForRecovery(platform, key, place, context.accountKey)
    await settleLostAnswer({
      what: 'the recovery key',
      signal,
      send: () => sendChange(api, { proof: proved.proof, expected, recovery }, signal),
      found: async () => {
        const opened = await openStored(platform, key, await api.call('credentialsRead', { signal }), accountId)
        opened?.dispose()
        return opened === null ? null : true
      },
    })
  } finally {
    await opaque.close()
  }
}

/** The account key under a recovery key, and what the server checks that key's other branch by. */
export async function sealForRecovery(
  { engine }: Platform,
  key: RecoveryKey,
  place: { accountId: AccountId; method: 2; version: number },
  accountKey: AccountKey,
): Promise<{ envelope: Uint8Array; authHash: Uint8Array }> {
  using kek = await recoveryKek(engine, key)
  using auth = await recoveryAuth(engine, key)
  const envelope = await sealAccountKey(engine, kek, place, accountKey)
  const bytes = auth.use((value) => value.slice())
  const authHash = await engine.sha256(bytes)
  bytes.fill(0)
  return { envelope, authHash }
}

/**
 * Whether a recovery key is the account's: it opens what the server has stored for it, with this account's key inside.
 *
 * @throws ClientError `usage` for a mistyped one (see `checkRecoveryKey`), `integrity`
 */
export async function testRecoveryKey(
  { platform, api, accountId, accountKey }: CredentialContext,
  text: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  using key = readRecoveryKey(text)
  const stored = await api.call('credentialsRead', { signal })
  const opened = await openStored(platform, key, stored, accountId)
  if (opened === null) return false
  using found = opened
  if (!found.use((theirs) => accountKey.use((ours) => equalBytes(ours, theirs)))) {
    throw integrityError("the account key under the recovery key, which is not this account's")
  }
  await api.call('recoveryTested', { signal })
  return true
}

/** The account key in the stored recovery envelope; null when another recovery key seals it. */
export async function openStored(
  { engine }: Platform,
  key: RecoveryKey,
  { versions, recoveryEnvelope }: Stored,
  accountId: AccountId,
): Promise<AccountKey | null> {
  using kek = await recoveryKek(engine, key)
  try {
    return await openAccountKey(engine, kek, { accountId, method: 2, version: versions.recovery }, recoveryEnvelope)
  } catch (cause) {
    if (cause instanceof CryptoError && cause.code === 'decrypt_failed') return null
    throw sealFailure('the recovery envelope', cause)
  }
}

/** A proved password, and what is about to be replaced. */
export interface Begun {
  readonly server: OpaqueServer
  readonly proved: ProvedPassword
  readonly expected: Change['expected']
}

/** Proves the current password and reads the versions that a change replaces. */
export async function beginChange(
  context: CredentialContext,
  password: string,
  signal: AbortSignal | undefined,
): Promise<Begun> {
  const { platform, api, login, source } = context
  const server = await pinnedServer(context)
  const proved = await proveToServer(platform, server, { login, password: normalisePassword(password), signal })
  try {
    const { versions } = await api.call('credentialsRead', { signal })
    // Invariant: a new envelope holds the account key under which the newest keyring opens. An outdated one would lock
    // its user out, so the versions that the server compares include that of the keyring opened here.
    if (versions.keyring !== source.current.version) await source.refresh(signal)
    return { server, proved, expected: { ...versions, keyring: source.current.version } }
  } catch (error) {
    proved.exportKey.dispose()
    throw error
  }
}

/** Sends a change; once, because the proof works once. */
export async function sendChange(api: Api, change: Change, signal: AbortSignal | undefined): Promise<true> {
  await api.call('credentialsChange', { body: change, signal, retry: false })
  return true
}
