import { createHash, randomBytes } from 'node:crypto'
import { client, ready } from '@serenity-kit/opaque'
import { LIMITS, type ROUTES, type RouteName } from '@strongroom/protocol'
import type { ChainState } from '@strongroom/vault/header'
import { type ApiAnswer, type ApiRequest, ask } from './api.ts'
import { type Author, authorCommit, authorGenesis, createAuthor } from './author.ts'
import type { TestServer } from './test-server.ts'

// Low on purpose: the server never sees the stretching, and tests should be fast.
const STRETCHING = { 'argon2id-custom': { iterations: 1, memory: 64, parallelism: 1 } } as const
export const PART_SIZE = 8 * 1024 * 1024

export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(bytes).digest())
}

export function randomId(): Uint8Array {
  return new Uint8Array(randomBytes(16))
}

export interface TestAccount {
  readonly login: string
  readonly password: string
  readonly author: Author
  readonly token: Uint8Array
  readonly passwordEnvelope: Uint8Array
  readonly recoveryEnvelope: Uint8Array
  /** What the recovery key shows to the server. */
  readonly recoveryAuth: Uint8Array
  readonly keyring: Uint8Array
  readonly genesis: Uint8Array
  /** Chain after the last commit that `commit` appended. */
  state: ChainState
  ask<Name extends RouteName>(
    name: Name,
    request: ApiRequest<(typeof ROUTES)[Name]>,
  ): Promise<ApiAnswer<(typeof ROUTES)[Name]>>
}

export function identifiersOf(server: TestServer): { server: string } {
  return { server: server.setup.serverIdentifier }
}

/** A record for a password; `send` sends the first message. */
export async function makeRecord(
  server: TestServer,
  password: string,
  send: (request: string) => Promise<{ response: string }>,
): Promise<string> {
  await ready
  const start = client.startRegistration({ password })
  const { response } = await send(start.registrationRequest)
  const { registrationRecord } = client.finishRegistration({
    password,
    registrationResponse: response,
    clientRegistrationState: start.clientRegistrationState,
    identifiers: identifiersOf(server),
    keyStretching: STRETCHING,
  })
  return registrationRecord
}

/** Both registration requests' bodies, for tests that change them. */
export async function prepareRegistration(server: TestServer, input: { login: string; password: string }) {
  const record = await makeRecord(server, input.password, async (request) =>
    (await ask(server.app, 'registerStart', { body: { login: input.login, request } })).value(),
  )
  const recoveryAuth = new Uint8Array(randomBytes(32))
  const author = await createAuthor()
  const genesis = await authorGenesis(author)
  return {
    author,
    genesis,
    recoveryAuth,
    body: {
      login: input.login,
      accountId: author.accountId,
      record,
      passwordEnvelope: new Uint8Array(randomBytes(105)),
      recoveryEnvelope: new Uint8Array(randomBytes(105)),
      recoveryAuthHash: sha256(recoveryAuth),
      card: author.card.bytes,
      keyring: new Uint8Array(randomBytes(600)),
      genesis: genesis.bytes,
    },
  }
}

/** A registered account with a session. */
export async function registerAccount(
  server: TestServer,
  input: { login?: string; password?: string } = {},
): Promise<TestAccount> {
  const login = input.login ?? `user-${randomBytes(6).toString('hex')}`
  const password = input.password ?? 'correct horse battery staple'
  const { author, genesis, recoveryAuth, body } = await prepareRegistration(server, { login, password })
  const { token } = (await ask(server.app, 'registerFinish', { body })).value()
  return {
    login,
    password,
    author,
    token,
    passwordEnvelope: body.passwordEnvelope,
    recoveryEnvelope: body.recoveryEnvelope,
    recoveryAuth,
    keyring: body.keyring,
    genesis: genesis.bytes,
    state: genesis.next,
    ask: (name, request) => ask(server.app, name, { token, ...request }),
  }
}

/** The first login message, and what is needed for the third. */
export async function startLogin(server: TestServer, login: string, password: string) {
  await ready
  const start = client.startLogin({ password })
  const answer = await ask(server.app, 'loginStart', { body: { login, request: start.startLoginRequest } })
  const { loginId, response } = answer.value()
  const finished = client.finishLogin({
    clientLoginState: start.clientLoginState,
    loginResponse: response,
    password,
    identifiers: identifiersOf(server),
    keyStretching: STRETCHING,
  })
  return { loginId, response, finishLoginRequest: finished?.finishLoginRequest ?? null }
}

/** Logs in and answers with the third message's answer. */
export async function logIn(server: TestServer, login: string, password: string) {
  const { loginId, finishLoginRequest } = await startLogin(server, login, password)
  // A client that can't open the answer has no third message; one who guesses sends some bytes.
  const request = finishLoginRequest ?? randomBytes(64).toString('base64url')
  const answer = await ask(server.app, 'loginFinish', { body: { loginId, request } })
  return {
    ...answer,
    value: () => {
      const value = answer.value()
      if ('secondFactor' in value) throw new Error('the account asks for a second factor')
      return value
    },
  }
}

/** Stores a small blob with its reservation. */
export async function storeBlob(account: TestAccount, bytes: Uint8Array = new Uint8Array(randomBytes(600))) {
  const blobId = randomId()
  const part = { sha256: sha256(bytes), bytes }
  const answer = await account.ask('blobsReserve', {
    body: { blobs: [{ blobId, blobLength: bytes.length, partSize: PART_SIZE, part }] },
  })
  answer.value()
  return { blobId, bytes, sha256: part.sha256 }
}

/** A wrapped DEK that no key opens. */
export function fakeWrap(blobId: Uint8Array, epoch = 1) {
  const bytes = new Uint8Array(randomBytes(LIMITS.wrapBytes))
  bytes[0] = 1
  return { blobId, epoch, bytes }
}

/** Appends a commit with these references and remembers the new head. */
export async function commit(
  account: TestAccount,
  references: Parameters<typeof authorCommit>[2] & { wraps?: ReturnType<typeof fakeWrap>[] } = {},
) {
  const authored = await authorCommit(account.author, account.state, references)
  const wraps = references.wraps ?? (references.added ?? []).map((added) => fakeWrap(added.blobId, account.state.epoch))
  const answer = await account.ask('commitAppend', {
    params: { vaultId: account.state.vaultId },
    body: { commit: authored.bytes, wraps },
  })
  if (answer.code === 'ok') account.state = authored.next
  return { ...answer, authored, wraps }
}
