import { SecretBytes, toHex } from '@strongroom/crypto'
import { ClientError, integrityError } from '../errors.ts'
import type { OpaqueLogin, Platform } from '../ports.ts'
import type { Api } from '../transport/api.ts'
import {
  hasPbkdf2,
  type KdfProfile,
  type KdfRound,
  loginRounds,
  opaquePassword,
  profileForRecord,
  rememberedProfile,
  rememberProfile,
  stretchingOf,
} from './kdf-profiles.ts'

/** The server that a password is proved to. */
export interface OpaqueServer {
  readonly api: Api
  /** Hex; the key that the server has to prove. */
  readonly publicKey: string
  /** Hex SHA-256 of that key. */
  readonly serverIdentifier: string
}

/** A password that was proved: OPAQUE's third message, and what only its owner has. */
export interface ProvedPassword {
  readonly proof: { readonly loginId: Uint8Array; readonly request: string }
  /** The caller's to dispose of. */
  readonly exportKey: SecretBytes
  readonly profile: KdfProfile
}

/** Login name and password in their normal forms. */
export interface PasswordInput {
  readonly login: string
  readonly password: string
  readonly signal: AbortSignal | undefined
}

/** What a proof has ready before its server is known. */
export interface PreparedProof {
  readonly rounds: readonly KdfRound[]
  /** Of the first round; null where it needs the server's key. */
  readonly first: FirstMessage | null
}

interface FirstMessage {
  /** The password that OPAQUE gets. */
  readonly secret: string
  readonly state: string
  readonly request: string
}

/**
 * Begins a proof while the server is still asked who it is: OPAQUE's thread starts, and makes the first message. It serves
 * one proof.
 */
export async function prepareProof(
  platform: Platform,
  place: { readonly server: string; readonly login: string },
  password: string,
): Promise<PreparedProof> {
  const { opaque } = platform
  const rounds = await loginRounds(opaque, rememberedProfile(platform, place))
  // PBKDF2 binds a password to the server's key.
  if (rounds[0]?.pbkdf2 !== false) return { rounds, first: null }
  return { rounds, first: { secret: password, ...(await opaque.startLogin(password)) } }
}

/**
 * The first two messages of OPAQUE and the third one, not yet sent; under the profile that this device used last for
 * the login name, else under whichever fits, which it remembers.
 *
 * @throws ClientError `authentication` for a wrong login name or password, `integrity` for a server with another key
 */
export async function proveToServer(
  platform: Platform,
  server: OpaqueServer,
  input: PasswordInput,
): Promise<ProvedPassword> {
  const place = { server: server.api.server, login: input.login }
  const proved = await prove(platform, server, input, await prepareProof(platform, place, input.password))
  await rememberProfile(platform, place, proved.profile)
  return proved
}

/** The same for a proof that was prepared; remembers nothing. */
export async function prove(
  platform: Platform,
  server: OpaqueServer,
  input: PasswordInput,
  { rounds, first }: PreparedProof,
): Promise<ProvedPassword> {
  for (const [index, round] of rounds.entries()) {
    const begun = index === 0 ? first : null
    const proved = await proveInRound(platform, server, input, { round, begun })
    if (proved !== null) return proved
  }
  const lacksMemory = !rounds.some(({ profiles }) => profiles.includes('argon2id-64'))
  throw new ClientError(
    'authentication',
    'Login name or password is wrong.',
    lacksMemory ? { details: { reason: 'little_memory' } } : {},
  )
}

async function proveInRound(
  platform: Platform,
  server: OpaqueServer,
  { login, password, signal }: PasswordInput,
  { round, begun }: { readonly round: KdfRound; readonly begun: FirstMessage | null },
): Promise<ProvedPassword | null> {
  const { engine, opaque } = platform
  const { api, publicKey, serverIdentifier } = server
  const { profiles, pbkdf2 } = round
  const message = async (): Promise<FirstMessage> => {
    const secret = await opaquePassword(engine, { password, login, publicKey, pbkdf2 })
    return { secret, ...(await opaque.startLogin(secret)) }
  }
  const { secret, state, request } = begun ?? (await message())
  const { loginId, response } = await api.call('loginStart', { body: { login, request }, signal })
  for (const profile of profiles) {
    const stretching = stretchingOf(profile)
    const proved = await opaque.finishLogin({ password: secret, state, response, serverIdentifier, stretching })
    if (proved === null) continue
    const exportKey = takeKey(proved, publicKey)
    return { proof: { loginId, request: proved.request }, exportKey, profile }
  }
  return null
}

/** A new OPAQUE record, and what the password envelope is wrapped under. */
export interface NewRecord {
  readonly record: string
  /** The caller's to dispose of. */
  readonly exportKey: SecretBytes
  readonly profile: KdfProfile
}

/**
 * Makes the record of a new password or login name.
 *
 * @param input.profile - null leaves the choice to the memory probe
 * @param send - sends the first message and gives the server's answer
 * @throws ClientError `integrity` when the answer comes from another OPAQUE key than the pinned one; nothing else has
 * been sent then
 */
export async function makeRecord(
  { engine, opaque }: Platform,
  { publicKey, serverIdentifier }: Omit<OpaqueServer, 'api'>,
  input: Omit<PasswordInput, 'signal'> & { readonly profile: KdfProfile | null },
  send: (request: string) => Promise<{ response: string }>,
): Promise<NewRecord> {
  const { login } = input
  const profile = await profileForRecord(opaque, input.profile)
  const pbkdf2 = hasPbkdf2(profile)
  const password = await opaquePassword(engine, { password: input.password, login, publicKey, pbkdf2 })
  const { state, request } = await opaque.startRegistration(password)
  const { response } = await send(request)
  const stretching = stretchingOf(profile)
  const made = await opaque.finishRegistration({ password, state, response, serverIdentifier, stretching })
  return { record: made.record, exportKey: takeKey(made, publicKey), profile }
}

function takeKey(answer: Pick<OpaqueLogin, 'exportKey' | 'serverPublicKey'>, publicKey: string): SecretBytes {
  const exportKey = SecretBytes.take(answer.exportKey)
  if (toHex(answer.serverPublicKey) === publicKey) return exportKey
  exportKey.dispose()
  throw integrityError("the server's public key")
}
