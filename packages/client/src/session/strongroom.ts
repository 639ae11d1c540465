import { asAccountId, asDeviceId, asVaultId, disposeKeyring, toHex } from '@strongroom/crypto'
import { contentReader } from '../checkpoint/contents.ts'
import { keepCheckpoints } from '../checkpoint/keeper.ts'
import type { DriveContext } from '../drive/context.ts'
import { createDrive } from '../drive/drive.ts'
import { integrityError } from '../errors.ts'
import { openTransfers } from '../journal/transfers.ts'
import { accountKeyTimeOperation } from '../keys/account-key-time.ts'
import { createKeys } from '../keys/keys.ts'
import { lazyRotation } from '../keys/lazy.ts'
import type { Platform } from '../ports.ts'
import { restoreServer } from '../restore/restore-server.ts'
import { seenStore } from '../restore/seen.ts'
import { watchApi } from '../restore/watch-api.ts'
import { createStoreAccess } from '../transport/store.ts'
import { vaultCache } from '../vault-log/cache.ts'
import { readAhead } from '../vault-log/cache-ahead.ts'
import { openLog } from '../vault-log/log.ts'
import { pendingStore } from '../vault-log/pending.ts'
import { verifyDrive } from '../verify/verify.ts'
import { withAhead } from './ahead.ts'
import { passAudit, readAudit } from './audit.ts'
import { changeLogin, changePassword, replaceRecoveryKey, testRecoveryKey } from './change-credentials.ts'
import { apiFor, jitter } from './connect.ts'
import { checkReceipt, deleteAccount, readReceipt } from './deletion.ts'
import { deviceNameOf } from './device-names.ts'
import { announceDevice, listSessions, revokeSession } from './devices.ts'
import { keyringSource } from './keyring-source.ts'
import { logIn } from './login.ts'
import { afterChange } from './lost-answer.ts'
import { forgetTransfers, moveLocal, movePending, requireNoTransfers } from './move-local.ts'
import { advanceKeyring, loadPins } from './pins.ts'
import { openSignedIn, resaveSignedIn, type SignedIn } from './profile-keys.ts'
import { loadProfile } from './records.ts'
import { RECOVERED, recoverAccount } from './recover.ts'
import { REGISTERED, registerAccount } from './register.ts'
import { replaceRetired } from './replace-retired.ts'
import { rotateAccountKey } from './rotate-account-key.ts'
import { secondFactor } from './second-factor-setup.ts'
import { endSession, identityOf, signOut } from './sign-out.ts'
import { compareState, readState } from './state.ts'
import type { Session, StrongroomApi } from './types.ts'

/** The way in. */
export const Strongroom: StrongroomApi = {
  async register(input) {
    const signedIn = await registerAccount(input)
    return await afterChange(REGISTERED, () => openSession(input.platform, signedIn, { signal: input.signal }))
  },
  async login(input) {
    const { signedIn, profile, isDeviceTold, kept } = await logIn(input)
    const { platform, signal } = input
    const session = await bothOf(kept, openSession(platform, signedIn, { signal, isTold: isDeviceTold, kept }))
    await replaceRetired(session, input, profile)
    return session
  },
  async recover(input) {
    const signedIn = await recoverAccount(input)
    return await afterChange(RECOVERED, () => openSession(input.platform, signedIn, { signal: input.signal }))
  },
  async resume(platform, options) {
    const reading = { ...platform, store: readAhead(platform.store) }
    const signedIn = await openSignedIn(reading, options)
    if (signedIn === null) return null
    return await openSession(reading, signedIn).catch((error: unknown) => {
      for (const secret of [signedIn.accountKey, signedIn.serverHalf]) secret.dispose()
      disposeKeyring(signedIn.keyring)
      throw error
    })
  },
  async identity({ store }) {
    const stored = await loadProfile(store)
    return stored === null ? null : identityOf(stored.profile)
  },
  async state({ store }) {
    const stored = await loadProfile(store)
    if (stored?.key.kind !== 'sealed') return null
    return await readState({ store, vaultId: asVaultId(stored.key.vaultId) })
  },
  receipt: (platform, options) => readReceipt(platform, options?.accountId, options?.signal),
  verifyReceipt: ({ platform, receipt, key }) => checkReceipt(platform, receipt, key ?? null),
  logout: (platform, options) => signOut(platform, options?.signal),
}

interface AnnounceOptions {
  readonly signal: AbortSignal | undefined
  /** As of `LoggedIn`. Default: the server does not know it. */
  readonly isTold?: boolean
  /** As of `LoggedIn`. Default: all is kept already. */
  readonly kept?: Promise<void>
}

/** The session, once what the device keeps of it is kept; else neither. */
async function bothOf(kept: Promise<void>, opening: Promise<Session>): Promise<Session> {
  const [ended, opened] = await Promise.allSettled([kept, opening])
  if (ended.status === 'fulfilled') return await opening
  if (opened.status === 'fulfilled') await opened.value.close()
  throw ended.reason
}

/** @param announce - present after a login: the session is told which device it belongs to */
async function openSession(
  platform: Platform,
  signedIn: SignedIn,
  announce: AnnounceOptions | null = null,
): Promise<Session> {
  const { profile, accountKey, keyring, serverHalf } = signedIn
  const { engine, store, clock, transport } = platform
  const { server, storeOrigins, deviceName } = profile
  const accountId = asAccountId(profile.accountId)
  const deviceId = asDeviceId(profile.deviceId)
  const seen = seenStore({ engine, clock, store, accountKey, accountId, deviceId })
  const calls = withAhead(apiFor(platform, server, profile), signedIn.ahead ?? null, store)
  const api = watchApi(calls, seen, keyring.vaultId)
  const access = createStoreAccess({ server, origins: storeOrigins, transport, clock })
  const cache = vaultCache({ engine, store, accountKey, accountId, deviceId, vaultId: keyring.vaultId })
  const pending = pendingStore({ engine, store, accountKey, accountId, deviceId })
  const transfers = openTransfers({ engine, clock, journals: store.journals, accountKey, accountId, deviceId })
  const first = { keyring, sealed: profile.sealedKeyring }
  const source = keyringSource({ engine, api, store, accountKey, accountId, first })
  const author = {
    accountId,
    deviceId,
    get seed() {
      return source.current.identitySeeds.ed25519
    },
  }
  const { content } = platform
  const { vaultId } = keyring
  const random = jitter(engine)
  const readContents = contentReader({ engine, clock, random, api, access, content, vaultId })
  const parts = { cache, pending, readContents, kept: () => seen.kept() }
  const opening = { engine, clock, api, store, ...parts, author, deviceName, source }
  const log = keepCheckpoints(await openLog(opening), { upload: { platform, api, access, content }, accountId })
  const drive: DriveContext = {
    platform,
    api,
    access,
    log,
    transfers,
    deviceId,
    deviceName,
    opened: (record) => lazy.opened(record),
  }
  const lazy = lazyRotation(() => drive)
  let closed = false
  const close = async (): Promise<void> => {
    if (closed) return
    closed = true
    await lazy.settle()
    await log.close()
    accountKey.dispose()
    serverHalf.dispose()
    source.dispose()
    await platform.content.close()
  }
  let identity = identityOf(profile)
  const credentials = () => ({ platform, api, server, login: identity.login, accountId, accountKey, source })
  const place = { engine, api, store, accountId, vaultId }
  if (announce !== null) {
    const { signal, isTold = false, kept = Promise.resolve() } = announce
    const device = { deviceId, deviceName, isTold, kept }
    await announceDevice({ ...place, log, ...device }, signal).catch(async (error: unknown) => {
      // It borrows the keys.
      await Promise.allSettled([kept])
      await close()
      throw error
    })
  }
  return {
    get identity() {
      return identity
    },
    drive: createDrive(drive),
    keys: createKeys({ drive, keyring: () => source.current, lazy }),
    verify: (options) => verifyDrive(drive, options),
    get leftOutCommits() {
      return log.leftOut
    },
    async whoami(options) {
      const answer = await api.call('account', { signal: options?.signal })
      if (toHex(answer.accountId) !== identity.accountId) throw integrityError('the account of the session')
      const keyringHash = toHex(await engine.sha256(answer.keyring))
      // Compared only: a newer keyring is pinned by the login that opens it.
      advanceKeyring(await loadPins(store), identity.accountId, { version: answer.keyringVersion, hash: keyringHash })
      await passAudit(place, answer.audit, options?.signal)
      const { usedBytes, quotaBytes } = answer
      return { ...identity, usedBytes, quotaBytes }
    },
    secondFactor: secondFactor(credentials),
    sessions: (options) => listSessions({ api, log }, options?.signal),
    revokeSession: (id, options) => revokeSession(api, id, options?.signal),
    async revokeOtherSessions(options) {
      return (await api.call('sessionsRevokeOthers', { signal: options?.signal })).revoked
    },
    async audit(options) {
      await log.sync(options?.signal)
      await log.flush()
      const nameOf = (device: Uint8Array) => deviceNameOf(log.state, device)
      return readAudit(place, { sinceMs: options?.sinceMs, nameOf }, options?.signal)
    },
    changePassword: (input) => changePassword(credentials(), input, input.signal),
    async changeLogin(input) {
      const login = await changeLogin(credentials(), input, input.signal)
      identity = { ...identity, login }
      const { sealed: sealedKeyring, current } = source
      const renamed = { ...profile, login, sealedKeyring, keyringVersion: current.version }
      await resaveSignedIn(platform, { ...signedIn, profile: renamed })
    },
    replaceRecoveryKey: (input) => replaceRecoveryKey(credentials(), input, input.signal),
    async rotateAccountKey(input) {
      const { signal } = input
      if (!input.discardTransfers) await requireNoTransfers(store)
      await log.sync(signal)
      const next = await rotateAccountKey(credentials(), input, signal)
      const local = { engine, clock, store, accountId, deviceId, vaultId }
      await afterChange('The new account key and the new recovery key count', async () => {
        const { sealed: sealedKeyring, keyring: rotated } = next
        const { login } = identity
        const renewed = { ...profile, login, sealedKeyring, keyringVersion: rotated.version }
        // Alone among those who commit, so that no change is left under a key that nobody has.
        await store.exclusively(async () => {
          await movePending(local, accountKey, next.accountKey)
          await resaveSignedIn(platform, { ...next, profile: renewed, serverHalf })
        }, 'commit')
        if (input.discardTransfers) await forgetTransfers(store)
        const time = accountKeyTimeOperation(clock.nowMs())
        await log.commit(() => ({ operations: [time], contents: [] }), signal)
        await moveLocal(local, log, { from: accountKey, to: next.accountKey, next })
      }).finally(async () => {
        next.accountKey.dispose()
        disposeKeyring(next.keyring)
        await close()
      })
    },
    testRecoveryKey: (text, options) => testRecoveryKey(credentials(), text, options?.signal),
    state: () => readState(place),
    compareState: (code, options) => compareState(place, code, options?.signal),
    restoreServer: (input) => {
      const own = { version: source.current.version, sealed: source.sealed }
      return restoreServer({ ...place, seen, keyring: own }, input)
    },
    async deleteAccount(input) {
      const deleted = await deleteAccount(credentials(), input, input.signal)
      await close()
      return deleted
    },
    async logout(options) {
      await endSession(platform, profile, options?.signal)
      await close()
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
