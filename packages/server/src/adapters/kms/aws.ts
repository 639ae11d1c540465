import {
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  KMSClient,
  ReEncryptCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms'
import {
  type KeyContext,
  type KeyManagement,
  KeyManagementError,
  type KeyState,
  MOST_WRAPPED_BYTES,
} from '../../ports/index.ts'
import { withDeadline } from '../deadline.ts'
import { openBulkClient } from './aws-bulk.ts'
import { keyError } from './aws-errors.ts'
import { findStray } from './aws-strays.ts'

/*
 * [Note: Names in AWS KMS]  The alias of KMS_URL points to the current key. A key with a name has the alias
 * ALIAS-NAME, which makes it once: of racing servers one gets the alias, and the others drop the key that they made.
 * One that a server made before it died, and that has no alias, is found by its description and used.
 *
 * Wrapped form: 01 ‖ length of the key id(1) ‖ key id ‖ CiphertextBlob. The id is given with every Decrypt, so that
 * a blob of another key, ours or somebody else's, is refused.
 */
const FORMAT = 1
/** A request is given up after this, its repetition included. */
const DEADLINE_MS = 4_000
const ATTEMPT_MS = 2_000
/** AWS deletes a key within a day after its deletion date. */
const LATEST_MS = 24 * 60 * 60 * 1000
const KEY_ID = /^(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/
/** A key that was just made may be unknown to the next request for a moment. */
const SETTLE_MS = [0, 100, 200, 400, 800, 1_600, 3_200]

const STATES: Readonly<Record<string, KeyState>> = {
  Enabled: 'enabled',
  PendingDeletion: 'pending_destruction',
  PendingReplicaDeletion: 'pending_destruction',
}

export interface AwsKmsOptions {
  readonly region: string
  /** `alias/…` of the current key. */
  readonly alias: string
  /** URL of another service than AWS's own for the region; null for that. */
  readonly endpoint: string | null
}

/** Key id and ciphertext of wrapped bytes. */
function parseWrapped(wrapped: Uint8Array): { keyId: string; blob: Uint8Array } {
  const bytes = Buffer.from(wrapped)
  const length = bytes.length > 1 ? bytes.readUInt8(1) : 0
  const keyId = bytes.toString('latin1', 2, 2 + length)
  if (bytes[0] !== FORMAT || bytes.length <= 2 + length || !KEY_ID.test(keyId)) {
    throw new KeyManagementError('invalid_ciphertext', 'not a wrapped secret of AWS KMS')
  }
  return { keyId, blob: bytes.subarray(2 + length) }
}

function joinWrapped(keyId: string, blob: Uint8Array | undefined): Uint8Array {
  return Buffer.concat([Buffer.of(FORMAT, keyId.length), Buffer.from(keyId, 'latin1'), complete(blob)])
}

/** A field that every complete answer has. */
function complete<T>(field: T | undefined): T {
  if (field === undefined) throw new KeyManagementError('unavailable', 'AWS KMS gave an incomplete answer')
  return field
}

function requireKeyId(keyId: string): string {
  if (!KEY_ID.test(keyId)) throw new KeyManagementError('key_not_found', 'AWS KMS has no such key')
  return keyId
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/**
 * Opens AWS KMS with the credentials of the environment, as every AWS program finds them. Nothing is asked before the
 * first use.
 */
export async function openAwsKms(options: AwsKmsOptions): Promise<KeyManagement> {
  const { alias } = options
  const settings = {
    region: options.region,
    ...(options.endpoint === null ? {} : { endpoint: options.endpoint }),
    maxAttempts: 2,
    requestHandler: { connectionTimeout: ATTEMPT_MS, requestTimeout: ATTEMPT_MS, throwOnRequestTimeout: true },
  }
  const client = new KMSClient(settings)
  // Reason: a repeated CreateKey makes a second key, which costs a dollar a month until somebody finds it.
  const once = new KMSClient({ ...settings, maxAttempts: 1 })
  const bulk = openBulkClient(settings, ATTEMPT_MS)

  /** Runs one request; whatever it throws becomes a KeyManagementError. */
  function ask<T>(request: (abortSignal: AbortSignal) => Promise<T>): Promise<T> {
    return withDeadline(DEADLINE_MS, request).catch((error: unknown) => {
      throw keyError(error)
    })
  }

  async function describe(keyId: string): Promise<{ keyId: string; state: string; creating: boolean }> {
    const { KeyMetadata } = await ask((abortSignal) =>
      client.send(new DescribeKeyCommand({ KeyId: keyId }), { abortSignal }),
    )
    const state = complete(KeyMetadata?.KeyState)
    return { keyId: complete(KeyMetadata?.KeyId), state, creating: state === 'Creating' }
  }

  async function find(aliasName: string): Promise<string | null> {
    try {
      return (await describe(aliasName)).keyId
    } catch (error) {
      if (error instanceof KeyManagementError && error.code === 'key_not_found') return null
      throw error
    }
  }

  /** Waits until a key that was just made is known everywhere. */
  async function settle(keyOrAlias: string): Promise<string> {
    for (const ms of SETTLE_MS) {
      await sleep(ms)
      const found = await describe(keyOrAlias).catch((error: unknown) => {
        if (error instanceof KeyManagementError && error.code === 'key_not_found') return null
        throw error
      })
      if (found !== null && !found.creating) return found.keyId
    }
    throw new KeyManagementError('unavailable', 'AWS KMS does not know yet the key that it made')
  }

  async function make(description: string): Promise<string> {
    const { KeyMetadata } = await ask((abortSignal) =>
      once.send(new CreateKeyCommand({ Description: description }), { abortSignal }),
    )
    return settle(complete(KeyMetadata?.KeyId))
  }

  /** The key of an alias, made where there is none. @param looks - for one that was made and got no alias */
  async function makeOnce(aliasName: string, looks: boolean): Promise<string> {
    const known = await find(aliasName)
    if (known !== null) return known
    const description = `Strongroom ${aliasName}`
    const stray = looks ? await findStray(ask, client, description) : null
    const own = stray ?? (await make(description))
    const winner = await giveAlias(aliasName, own)
    // Invariant: dropped is only what was made here, a moment ago. Under a key that was found there may be something.
    if (winner !== own && stray === null) await scheduleDestruction(own, 7).catch(() => undefined)
    return winner
  }

  /** Points a new alias to a key; returns the key that it points to, which is another's if that one was faster. */
  async function giveAlias(aliasName: string, keyId: string): Promise<string> {
    try {
      await ask((abortSignal) =>
        client.send(new CreateAliasCommand({ AliasName: aliasName, TargetKeyId: keyId }), { abortSignal }),
      )
      return keyId
    } catch (error) {
      if (!(error instanceof KeyManagementError) || !isTaken(error)) throw error
      return settle(aliasName)
    }
  }

  async function scheduleDestruction(keyId: string, days: number): Promise<number> {
    const { DeletionDate } = await ask((abortSignal) =>
      client.send(new ScheduleKeyDeletionCommand({ KeyId: requireKeyId(keyId), PendingWindowInDays: days }), {
        abortSignal,
      }),
    )
    return complete(DeletionDate).getTime() + LATEST_MS
  }

  return {
    kind: 'aws',
    currentKeyId: () => makeOnce(alias, true),
    setCurrentKey: async (keyId) => {
      const target = { AliasName: alias, TargetKeyId: requireKeyId(keyId) }
      if ((await find(alias)) === null && (await giveAlias(alias, keyId)) === keyId) return
      await ask((abortSignal) => client.send(new UpdateAliasCommand(target), { abortSignal }))
    },
    // Reason: keys of accounts may be many thousand, and looking through all of them for each would take longer than
    // a stray one is worth.
    createKey: (name) =>
      name === undefined ? make('Strongroom') : makeOnce(`${alias}-${name}`, !name.startsWith('user-')),
    keyIdOf: (wrapped) => parseWrapped(wrapped).keyId,
    wrap: async (keyId, plaintext, context) => {
      if (plaintext.length > MOST_WRAPPED_BYTES) throw new RangeError(`at most ${MOST_WRAPPED_BYTES} bytes`)
      const input = { KeyId: requireKeyId(keyId), Plaintext: plaintext, EncryptionContext: bound(context) }
      const { CiphertextBlob } = await ask((abortSignal) => client.send(new EncryptCommand(input), { abortSignal }))
      return joinWrapped(keyId, CiphertextBlob)
    },
    unwrap: async (wrapped, context) => {
      const { keyId, blob } = parseWrapped(wrapped)
      const input = { KeyId: keyId, CiphertextBlob: blob, EncryptionContext: bound(context) }
      const { Plaintext } = await ask((abortSignal) => client.send(new DecryptCommand(input), { abortSignal }))
      return complete(Plaintext)
    },
    reEncrypt: async (wrapped, context, toKeyId) => {
      const { keyId, blob } = parseWrapped(wrapped)
      const input = {
        CiphertextBlob: blob,
        SourceKeyId: keyId,
        SourceEncryptionContext: bound(context),
        DestinationKeyId: requireKeyId(toKeyId),
        DestinationEncryptionContext: bound(context),
      }
      const { CiphertextBlob } = await ask(() => bulk.send(new ReEncryptCommand(input)))
      return joinWrapped(toKeyId, CiphertextBlob)
    },
    disable: async (keyId) => {
      await ask((abortSignal) => client.send(new DisableKeyCommand({ KeyId: requireKeyId(keyId) }), { abortSignal }))
    },
    enable: async (keyId) => {
      await ask((abortSignal) => client.send(new EnableKeyCommand({ KeyId: requireKeyId(keyId) }), { abortSignal }))
    },
    scheduleDestruction: async (keyId, days) => {
      if (!Number.isInteger(days) || days < 7 || days > 30) throw new RangeError('days must be 7 … 30')
      return scheduleDestruction(keyId, days)
    },
    rotate: async (keyId) => {
      const input = { KeyId: requireKeyId(keyId) }
      await ask((abortSignal) => client.send(new RotateKeyOnDemandCommand(input), { abortSignal }))
    },
    keyState: async (keyId) => STATES[(await describe(requireKeyId(keyId))).state] ?? 'disabled',
    check: async () => {
      await find(alias)
    },
    close: async () => {
      client.destroy()
      once.destroy()
      bulk.destroy()
    },
  }
}

/** @throws KeyManagementError `invalid_ciphertext` for an empty context: one is mandatory */
function bound(context: KeyContext): Record<string, string> {
  if (Object.keys(context).length === 0) throw new KeyManagementError('invalid_ciphertext', 'a context is mandatory')
  return { ...context }
}

function isTaken(error: KeyManagementError): boolean {
  return error.cause instanceof Error && error.cause.name === 'AlreadyExistsException'
}
