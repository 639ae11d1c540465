import { createHmac, createPrivateKey, createPublicKey, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { server as opaque, ready } from '@serenity-kit/opaque'
import { decodeBytes } from '@strongroom/protocol'
import { z } from 'zod'
import type { Database } from '../../database/tables.ts'
import type { KeyContext, KeyManagement, ObjectStore, Random } from '../../ports/index.ts'
import { equal, hex, sha256 } from '../bytes.ts'
import { strangerRecord } from './stranger-record.ts'

const OBJECT_NAME = 'opaque-setup'
const VERSION = 1
const ID_LENGTH = 16

const setupText = z.strictObject({
  opaque: z.string(),
  enumerationKey: z.base64url(),
  loginStateKey: z.base64url(),
  urlKey: z.base64url(),
})

/**
 * The secrets of this service, made once and never stored in the database: the OPAQUE server setup, the key that
 * turns login names into OPAQUE user identifiers, the key that seals login states, the key that signs store URLs.
 */
export interface ServerSetup {
  readonly id: Uint8Array
  readonly opaqueSetup: string
  /** An OPAQUE record of nobody, from which logins with unknown names are answered; another one after each start. */
  readonly strangerRecord: string
  /** Static OPAQUE public key, which clients pin. */
  readonly opaquePublicKey: Uint8Array
  /** Hex SHA-256 of the public key: OPAQUE's server identifier. */
  readonly serverIdentifier: string
  readonly loginStateKey: KeyObject
  readonly urlKey: KeyObject
  /** OPAQUE user identifier of a normalised login name. */
  userIdentifier(login: string): string
  /** Signs receipts; derived from the setup, so that it is kept, wrapped and backed up with it. */
  readonly receiptKey: KeyObject
  /** Ed25519 public key of `receiptKey`, which clients pin. */
  readonly receiptPublicKey: Uint8Array
  /** A keyed hash for rows that must not show what they count (addresses, login names). */
  blind(text: string): Uint8Array
}

function context(id: Uint8Array): KeyContext {
  return { purpose: 'opaque-setup', setup: hex(id) }
}

/**
 * Reads the setup or, on the very first start, makes it; of several racing servers all end with the winner's.
 *
 * @throws Error when accounts exist that need a setup other than the one that is here
 */
export async function loadServerSetup(deps: {
  database: Database
  keys: KeyManagement
  objects: ObjectStore
  random: Random
}): Promise<ServerSetup> {
  await ready
  const stored = (await deps.objects.readNamed(OBJECT_NAME)) ?? (await createSetup(deps))
  const { id, wrapped } = splitStored(stored)
  const stranger = await deps.database
    .selectFrom('accounts')
    .select('setup_id')
    .where('setup_id', '!=', id)
    .limit(1)
    .executeTakeFirst()
  if (stranger !== undefined) {
    throw new Error('accounts in the database need another OPAQUE setup than the one stored beside the blobs')
  }
  const plaintext = await deps.keys.unwrap(wrapped, context(id))
  const setup = setupText.parse(JSON.parse(Buffer.from(plaintext).toString('utf8')))
  plaintext.fill(0)
  return openSetup(deps.random, id, setup)
}

/** Id of the key under which the stored setup is wrapped. */
export async function serverSetupKeyId(deps: {
  keys: KeyManagement
  store: Pick<ObjectStore, 'readNamed'>
}): Promise<string> {
  return deps.keys.keyIdOf((await readStored(deps.store)).wrapped)
}

/** The stored setup, wrapped as it is: what a backup holds, and `restoreSetupObject` puts back. */
export async function readSetupObject(store: Pick<ObjectStore, 'readNamed'>): Promise<Uint8Array> {
  const stored = await store.readNamed(OBJECT_NAME)
  if (stored === null) throw new Error('the OPAQUE setup is absent')
  return stored
}

/** Puts a stored setup back; false where another one is there. Repeating it is harmless. */
export async function restoreSetupObject(
  store: Pick<ObjectStore, 'readNamed' | 'createNamed'>,
  bytes: Uint8Array,
): Promise<boolean> {
  if (await store.createNamed(OBJECT_NAME, bytes)) return true
  const there = await store.readNamed(OBJECT_NAME)
  return there !== null && equal(there, bytes)
}

/** Wraps the stored setup under another key, inside the key service. Repeating it is harmless. */
export async function rewrapServerSetup(
  deps: { keys: KeyManagement; store: Pick<ObjectStore, 'readNamed' | 'replaceNamed'> },
  toKeyId: string,
): Promise<void> {
  const { id, wrapped } = await readStored(deps.store)
  if (deps.keys.keyIdOf(wrapped) === toKeyId) return
  const moved = await deps.keys.reEncrypt(wrapped, context(id), toKeyId)
  await deps.store.replaceNamed(OBJECT_NAME, Buffer.concat([Buffer.of(VERSION), id, moved]))
}

async function readStored(store: Pick<ObjectStore, 'readNamed'>): Promise<{ id: Uint8Array; wrapped: Uint8Array }> {
  return splitStored(await readSetupObject(store))
}

function splitStored(stored: Uint8Array): { id: Uint8Array; wrapped: Uint8Array } {
  if (stored.length <= 1 + ID_LENGTH || stored[0] !== VERSION) throw new Error('the OPAQUE setup is damaged')
  return { id: stored.slice(1, 1 + ID_LENGTH), wrapped: stored.subarray(1 + ID_LENGTH) }
}

async function createSetup(deps: {
  database: Database
  keys: KeyManagement
  objects: ObjectStore
  random: Random
}): Promise<Uint8Array> {
  const account = await deps.database.selectFrom('accounts').select('id').limit(1).executeTakeFirst()
  // Invariant: a setup is made only for an empty service. Without the old one no password works any more, and a new
  // one would hide that until the first login fails.
  if (account !== undefined)
    throw new Error(
      'the accounts need the login setup, which is absent; put the folder "named" of the blobs back from a backup',
    )
  const id = deps.random.bytes(ID_LENGTH)
  const key = () => Buffer.from(deps.random.bytes(32)).toString('base64url')
  const text: z.infer<typeof setupText> = {
    opaque: opaque.createSetup(),
    enumerationKey: key(),
    loginStateKey: key(),
    urlKey: key(),
  }
  const wrapped = await deps.keys.wrap(
    await deps.keys.currentKeyId(),
    Buffer.from(JSON.stringify(text), 'utf8'),
    context(id),
  )
  const bytes = Buffer.concat([Buffer.of(VERSION), id, wrapped])
  if (await deps.objects.createNamed(OBJECT_NAME, bytes)) return bytes
  const winner = await deps.objects.readNamed(OBJECT_NAME)
  if (winner === null) throw new Error('the OPAQUE setup can be neither created nor read')
  return winner
}

function openSetup(random: Random, id: Uint8Array, setup: z.infer<typeof setupText>): ServerSetup {
  const enumerationKey = createSecretKey(setup.enumerationKey, 'base64url')
  const urlKey = createSecretKey(setup.urlKey, 'base64url')
  const opaquePublicKey = decodeBytes(opaque.getPublicKey(setup.opaque))
  if (opaquePublicKey === null) throw new Error('the OPAQUE setup is damaged')
  return {
    id,
    opaqueSetup: setup.opaque,
    strangerRecord: strangerRecord(random, setup.opaque),
    opaquePublicKey,
    serverIdentifier: hex(sha256(opaquePublicKey)),
    loginStateKey: createSecretKey(setup.loginStateKey, 'base64url'),
    urlKey,
    ...receiptKeys(urlKey),
    userIdentifier: (login) => createHmac('sha256', enumerationKey).update(login).digest('hex'),
    blind: (text) => createHmac('sha256', urlKey).update(`blind\0${text}`).digest().subarray(0, 16),
  }
}

/** PKCS #8 of an Ed25519 key, up to its seed (RFC 8410). */
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex')

function receiptKeys(urlKey: KeyObject): Pick<ServerSetup, 'receiptKey' | 'receiptPublicKey'> {
  const seed = new Uint8Array(hkdfSync('sha256', urlKey, new Uint8Array(), 'strongroom receipt key', 32))
  const der = Buffer.concat([PKCS8_ED25519, seed])
  const receiptKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  seed.fill(0)
  der.fill(0)
  const { x } = createPublicKey(receiptKey).export({ format: 'jwk' })
  return { receiptKey, receiptPublicKey: decodeBytes(x ?? '') ?? new Uint8Array() }
}
