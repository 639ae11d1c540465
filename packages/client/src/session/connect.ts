import { type CryptoEngine, toHex } from '@strongroom/crypto'
import { encodeBytes } from '@strongroom/protocol'
import { ClientError, integrityError } from '../errors.ts'
import type { Platform } from '../ports.ts'
import { type Api, checkProtocol, createApi, normaliseServer } from '../transport/api.ts'
import { checkReceiptKey, checkServerKey, loadPins } from './pins.ts'
import type { Profile } from './records.ts'

/** A server at the beginning of a login: reachable, of a known protocol, and not another one than before. */
export interface Contact {
  readonly api: Api
  readonly server: string
  /** Hex of the OPAQUE public key that it claims, and has to prove. */
  readonly publicKey: string
  /** Hex SHA-256 of that key: the server identifier of OPAQUE. */
  readonly serverIdentifier: string
  /** Hex of the Ed25519 key that signs its receipts. */
  readonly receiptKey: string
  readonly storeOrigins: readonly string[]
  readonly registration: 'open' | 'invite' | 'closed'
}

/** A random number for jitter. */
export function jitter(engine: CryptoEngine): () => number {
  return () => (engine.randomBytes(1)[0] ?? 0) / 256
}

/** Calls to a server within a session, or without one. */
export function apiFor(platform: Platform, server: string, session: Pick<Profile, 'token' | 'cookie'> | null): Api {
  const token = session === null ? null : encodeBytes(session.token)
  const cookies = session === null ? platform.cookies : session.cookie
  const { transport, clock, engine } = platform
  return createApi({ server, transport, clock, random: jitter(engine), token: () => token, cookies })
}

/**
 * Asks a server who it is.
 *
 * @throws ClientError `integrity` when its key is not the pinned one, `upgrade_required`, `network`
 */
export async function contact(platform: Platform, address: string, signal: AbortSignal | undefined): Promise<Contact> {
  const server = normaliseServer(address)
  const api = apiFor(platform, server, null)
  const asking = api.call('info', { signal }).catch((cause: unknown) => {
    const isOther = cause instanceof ClientError && cause.code === 'not_found'
    throw isOther ? new ClientError('server', 'There is no Strongroom server at this address.', { cause }) : cause
  })
  const [info, pins] = await Promise.all([asking, loadPins(platform.store)])
  checkProtocol(info.protocolVersions)
  const publicKey = toHex(info.opaquePublicKey)
  const receiptKey = toHex(info.receiptKey)
  checkServerKey(pins, server, publicKey)
  checkReceiptKey(pins, server, receiptKey)
  return {
    api,
    server,
    publicKey,
    receiptKey,
    serverIdentifier: toHex(await platform.engine.sha256(info.opaquePublicKey)),
    storeOrigins: info.storeOrigins.map(originOf),
    registration: info.registration,
  }
}

function originOf(text: string): string {
  const { protocol, origin } = URL.canParse(text) ? new URL(text) : { protocol: '', origin: '' }
  if (protocol === 'https:' || protocol === 'http:') return origin
  throw integrityError('the address of the store')
}
