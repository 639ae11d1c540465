import { client, server as opaque } from '@serenity-kit/opaque'
import { type CommitHeader, encodeChainState, verifyCommit } from '@strongroom/vault/header'
import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import type { Clock, Random } from '../../ports/index.ts'
import { equal } from '../bytes.ts'
import { commitVerifier, rejectCommit } from '../commits/verifier.ts'
import { ServerError } from '../errors.ts'
import type { OuterKeys } from '../keys/outer-keys.ts'
import { sealOuter } from '../keys/outer-layer.ts'
import { envelopePlace, keyringPlace } from '../keys/places.ts'
import type { ServerSetup } from '../keys/server-setup.ts'
import { createSession, type NewSession } from '../sessions/sessions.ts'
import { checkCard } from './card.ts'
import { attempt, loginName } from './login.ts'

interface Deps {
  database: Database
  clock: Clock
  random: Random
  setup: ServerSetup
  outerKeys: OuterKeys
  registration: 'open' | 'invite' | 'closed'
}

export interface RegistrationInput {
  readonly login: string
  readonly accountId: Uint8Array
  readonly record: string
  readonly passwordEnvelope: Uint8Array
  readonly recoveryEnvelope: Uint8Array
  readonly recoveryAuthHash: Uint8Array
  readonly card: Uint8Array
  readonly keyring: Uint8Array
  readonly genesis: Uint8Array
}

function requireOpen(deps: Pick<Deps, 'registration'>): void {
  if (deps.registration !== 'open') throw new ServerError('registration_closed')
}

/** OPAQUE's first registration message; the same for names that are taken. */
export function startRegistration(
  deps: Pick<Deps, 'setup' | 'registration'>,
  input: { login: string; request: string },
): { response: string } {
  requireOpen(deps)
  const login = loginName(input.login)
  const { registrationResponse } = attempt('bad_request', () =>
    opaque.createRegistrationResponse({
      serverSetup: deps.setup.opaqueSetup,
      userIdentifier: deps.setup.userIdentifier(login),
      registrationRequest: input.request,
    }),
  )
  return { response: registrationResponse }
}

/**
 * Creates an account in one transaction: OPAQUE record, outer key, both envelopes, recovery hash, card, keyring
 * version 1, genesis commit of the private vault.
 *
 * @throws ServerError `login_taken`, `account_exists`, `commit_rejected`, `bad_request`
 */
export async function finishRegistration(deps: Deps, input: RegistrationInput): Promise<NewSession> {
  requireOpen(deps)
  const login = loginName(input.login)
  checkRecord(deps, login, input.record)
  const card = await checkCard(input.card, input.accountId)
  const genesis = await verifyCommit({ ...commitVerifier, state: null, bytes: input.genesis }).catch(rejectCommit)
  checkGenesis(genesis.header, genesis.next.members, { accountId: input.accountId, card })
  const outer = await deps.outerKeys.create(input.accountId)
  const now = deps.clock.nowMs()

  return deps.database.transaction().execute(async (tx) => {
    await insertAccount(tx, {
      id: input.accountId,
      login_hash: deps.setup.userIdentifier(login),
      setup_id: deps.setup.id,
      opaque_record: input.record,
      recovery_auth_hash: input.recoveryAuthHash,
      card: input.card,
      card_hash: card.hash,
      private_vault_id: genesis.header.vaultId,
      quota_bytes: null,
      used_bytes: 0,
      created_ms: now,
    })
    await tx
      .insertInto('outer_keys')
      .values({ account_id: input.accountId, version: outer.version, wrapped: outer.wrapped, created_ms: now })
      .execute()
    const envelope = (method: number, bytes: Uint8Array) => ({
      account_id: input.accountId,
      method,
      version: 1,
      outer_version: outer.version,
      sealed: sealOuter(deps.random, outer.key, envelopePlace(input.accountId, method, 1), bytes),
    })
    await tx
      .insertInto('envelopes')
      .values([envelope(1, input.passwordEnvelope), envelope(2, input.recoveryEnvelope)])
      .execute()
    await tx
      .insertInto('keyrings')
      .values({
        account_id: input.accountId,
        version: 1,
        outer_version: outer.version,
        sealed: sealOuter(deps.random, outer.key, keyringPlace(input.accountId, 1), input.keyring),
      })
      .execute()
    const vaultId = genesis.header.vaultId
    const vault = await tx
      .insertInto('vaults')
      .values({
        id: vaultId,
        owner_id: input.accountId,
        epoch: genesis.next.epoch,
        head_seq: 0,
        head_hash: genesis.hash,
        chain_state: encodeChainState(genesis.next),
        created_ms: now,
      })
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .executeTakeFirst()
    if (vault === undefined) throw new ServerError('commit_rejected', { details: { reason: 'vault_exists' } })
    await tx
      .insertInto('members')
      .values({ vault_id: vaultId, account_id: input.accountId, role: 'owner', state: 'active' })
      .execute()
    await tx
      .insertInto('commits')
      .values({ vault_id: vaultId, seq: 0, hash: genesis.hash, bytes: input.genesis, appended_ms: now })
      .execute()
    return createSession({ ...deps, database: tx }, { accountId: input.accountId })
  })
}

async function insertAccount(
  tx: DatabaseTransaction,
  account: Parameters<ReturnType<typeof tx.insertInto<'accounts'>>['values']>[0],
): Promise<void> {
  const inserted = await tx
    .insertInto('accounts')
    .values(account)
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst()
  if (inserted !== undefined) return
  const hash = (account as { login_hash: string }).login_hash
  const taken = await tx.selectFrom('accounts').select('id').where('login_hash', '=', hash).executeTakeFirst()
  throw new ServerError(taken === undefined ? 'account_exists' : 'login_taken')
}

/** Refuses a record that no login could be answered from, by answering one. */
function checkRecord(deps: Pick<Deps, 'setup'>, login: string, record: string): void {
  attempt('bad_request', () =>
    opaque.startLogin({
      serverSetup: deps.setup.opaqueSetup,
      registrationRecord: record,
      startLoginRequest: client.startLogin({ password: '' }).startLoginRequest,
      userIdentifier: deps.setup.userIdentifier(login),
      identifiers: { server: deps.setup.serverIdentifier },
    }),
  )
}

function checkGenesis(
  header: CommitHeader,
  members: readonly { accountId: Uint8Array; cardHash: Uint8Array; publicKey: Uint8Array }[],
  founder: { accountId: Uint8Array; card: { hash: Uint8Array; ed25519PublicKey: Uint8Array } },
): void {
  const [member] = members
  const own =
    header.seq === 0 &&
    members.length === 1 &&
    member !== undefined &&
    equal(member.accountId, founder.accountId) &&
    equal(member.cardHash, founder.card.hash) &&
    equal(member.publicKey, founder.card.ed25519PublicKey)
  if (!own) throw new ServerError('commit_rejected', { details: { reason: 'genesis_is_not_the_card' } })
}
