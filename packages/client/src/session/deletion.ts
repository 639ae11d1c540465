import {
  type AccountId,
  CryptoError,
  fromHex,
  type Receipt,
  toHex,
  verifyReceipt as verifyBytes,
} from '@strongroom/crypto'
import { ClientError, integrityError, throwIfAborted } from '../errors.ts'
import type { Platform } from '../ports.ts'
import { type Api, apiCode } from '../transport/api.ts'
import { apiFor } from './connect.ts'
import { normaliseLogin } from './credentials.ts'
import { type DeletionPin, loadPins, updatePins } from './pins.ts'
import { provePassword } from './prove-password.ts'
import { loadProfile } from './records.ts'
import { forgetSignIn } from './sign-out.ts'
import type { DeletedAccount, DeletionReceipt } from './types.ts'

export interface DeletionContext {
  readonly platform: Platform
  readonly api: Api
  readonly server: string
  /** Login name, normalised. */
  readonly login: string
  readonly accountId: AccountId
}

/** How often, and after which pause, a receipt is asked for that is not there yet. */
const TRIES = 4
const PAUSE_MS = 1000

/**
 * Deletes the account for good. What its receipt is fetched with is stored on this device first, so that neither a lost
 * answer nor the end of this process loses it.
 *
 * @throws ClientError `usage` for another login name, `authentication` for a wrong password, `conflict` for vaults that
 *   others use too, `network` with `details.reason` `not_deleted` or `outcome_unknown`
 */
export async function deleteAccount(
  context: DeletionContext,
  input: { password: string; confirm: string },
  signal: AbortSignal | undefined,
): Promise<DeletedAccount> {
  const { platform, api, server, login, accountId } = context
  if (normaliseLogin(input.confirm) !== login) {
    throw new ClientError('usage', 'That is not the login name of this account.')
  }
  const account = toHex(accountId)
  const pin = await rememberDeletion(platform, account, server)
  const receiptSecretHash = await platform.engine.sha256(fromHex(pin.secret))
  const { proof, exportKey } = await provePassword(context, input.password, signal)
  exportKey.dispose()
  throwIfAborted(signal)
  const body = { proof, confirmation: input.confirm, receiptSecretHash }
  try {
    const { receipt } = await api.call('accountDelete', { body, signal, retry: false })
    return await finish(platform, account, pin, receipt, signal)
  } catch (cause) {
    if (!(cause instanceof ClientError) || !['network', 'server', 'authentication', 'aborted'].includes(cause.code)) {
      throw cause
    }
    if (apiCode(cause) === 'login_failed') throw cause
    return await afterLostAnswer(platform, account, pin, cause)
  }
}

async function afterLostAnswer(
  platform: Platform,
  account: string,
  pin: DeletionPin,
  cause: ClientError,
): Promise<DeletedAccount> {
  const found = await askFor(platform, pin, undefined).catch(() => undefined)
  if (found === undefined) {
    throw new ClientError(cause.code, 'It is not known whether the account was deleted: run the same again.', {
      cause,
      details: { reason: 'outcome_unknown' },
    })
  }
  if (found !== null) return await finish(platform, account, pin, found.receipt, undefined)
  if (cause.code === 'authentication') throw cause
  throw new ClientError(cause.code, 'The account was not deleted.', { cause, details: { reason: 'not_deleted' } })
}

/** What a deletion is known by later; the same secret for every attempt. */
async function rememberDeletion(platform: Platform, account: string, server: string): Promise<DeletionPin> {
  let pin: DeletionPin = { server, secret: toHex(platform.engine.randomBytes(32)) }
  await updatePins(platform.store, (pins) => {
    const known = pins.deletions[account]
    if (known !== undefined) {
      pin = known
      return false
    }
    pins.deletions[account] = pin
    return true
  })
  return pin
}

/** The server's newest receipt, null inside while it has none; null where the account was not deleted. */
async function askFor(
  platform: Platform,
  { server, secret }: DeletionPin,
  signal: AbortSignal | undefined,
): Promise<{ receipt: Uint8Array | null } | null> {
  const api = apiFor(platform, server, null)
  try {
    return await api.call('receiptRead', { body: { secret: fromHex(secret) }, signal })
  } catch (error) {
    if (apiCode(error) === 'not_found') return null
    throw error
  }
}

/** The account is gone: forgets its keys here, waits a little for the receipt and checks it. */
async function finish(
  platform: Platform,
  account: string,
  pin: DeletionPin,
  given: Uint8Array | null,
  signal: AbortSignal | undefined,
): Promise<DeletedAccount> {
  const stored = await loadProfile(platform.store)
  if (stored !== null && toHex(stored.profile.accountId) === account) await forgetSignIn(platform.store)
  let receipt = given
  for (let tries = 1; receipt === null && tries < TRIES; tries += 1) {
    // Whatever goes wrong from here on: the receipt can be fetched later.
    await platform.clock.sleep(PAUSE_MS, signal).catch(() => undefined)
    receipt = (await askFor(platform, pin, signal).catch(() => null))?.receipt ?? null
  }
  const { server } = pin
  if (receipt === null) return { accountId: account, server, receipt: null, details: null }
  const details = await checkReceipt(platform, receipt, null)
  if (details.accountId !== account) throw integrityError('the receipt, which is for another account')
  return { accountId: account, server, receipt, details }
}

/**
 * The receipt for an account that was deleted on this device: the one named, else the one signed in here, else the last.
 *
 * @returns null where there is no such deletion, or the server says that the account was not deleted
 * @throws ClientError `network`, `integrity`
 */
export async function readReceipt(
  platform: Platform,
  accountId: string | undefined,
  signal: AbortSignal | undefined,
): Promise<DeletedAccount | null> {
  const { deletions } = await loadPins(platform.store)
  const stored = await loadProfile(platform.store)
  const here = stored === null ? undefined : toHex(stored.profile.accountId)
  const account = accountId ?? here ?? Object.keys(deletions).at(-1)
  const pin = account === undefined ? undefined : deletions[account]
  if (account === undefined || pin === undefined) return null
  const found = await askFor(platform, pin, signal)
  return found === null ? null : await finish(platform, account, pin, found.receipt, signal)
}

/**
 * Checks a receipt against the keys that this device has pinned, or against one that was given.
 *
 * @param key - hex
 * @throws ClientError `integrity` when none of them signed it, `upgrade_required`, `usage` for a key that is none or
 *   when there is none
 */
export async function checkReceipt(
  platform: Platform,
  receipt: Uint8Array,
  key: string | null,
): Promise<DeletionReceipt> {
  if (key !== null && !/^[0-9a-f]{64}$/i.test(key)) {
    throw new ClientError('usage', 'A key has 64 hexadecimal digits.')
  }
  const pinned = Object.entries((await loadPins(platform.store)).receiptKeys)
  const keys = key === null ? pinned : [[null, key.toLowerCase()] as const]
  if (keys.length === 0) throw new ClientError('usage', 'This device has no key of a server to check it against.')
  for (const [server, publicKey] of keys) {
    const read = await tryKey(platform, receipt, fromHex(publicKey))
    if (read !== null) return shown(read, publicKey, server)
  }
  throw integrityError('the receipt')
}

/** null when another key signed it. */
async function tryKey({ engine }: Platform, receipt: Uint8Array, publicKey: Uint8Array): Promise<Receipt | null> {
  try {
    return await verifyBytes(engine, receipt, publicKey)
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause
    if (cause.code === 'decrypt_failed') return null
    if (cause.code === 'upgrade_required') {
      throw new ClientError('upgrade_required', 'The receipt was made by a newer server; upgrade this program.', {
        cause,
      })
    }
    throw integrityError('the receipt', cause)
  }
}

function shown(receipt: Receipt, publicKey: string, server: string | null): DeletionReceipt {
  const { accountId, kmsKeyHash, ...rest } = receipt
  return { ...rest, accountId: toHex(accountId), kmsKeyHash: toHex(kmsKeyHash), publicKey, server }
}
