import { encodeChainState, type VerifiedCommit, verifyCommit } from '@strongroom/vault/header'
import type { Insertable } from 'kysely'
import type { Database, DatabaseTransaction, Tables } from '../../database/tables.ts'
import type { Clock, Random } from '../../ports/index.ts'
import { recordAudit } from '../audit/record.ts'
import { equal } from '../bytes.ts'
import { commitVerifier, rejectCommit } from '../commits/verifier.ts'
import { ServerError } from '../errors.ts'
import { insertOuterKey, type OuterKey, type OuterKeys } from '../keys/outer-keys.ts'
import { type OuterPlace, sealOuter } from '../keys/outer-layer.ts'
import { envelopePlace, keyringPlace } from '../keys/places.ts'
import type { ServerSetup } from '../keys/server-setup.ts'
import { createSession, type NewSession } from '../sessions/sessions.ts'
import { type CheckedCard, checkCard } from './card.ts'
import { type RegistrationPolicy, requireAdmission, useInvite } from './invites.ts'
import { loginName } from './login.ts'
import { answerRegistration, checkRecord } from './opaque-record.ts'
import { PASSWORD, RECOVERY } from './replace-credentials.ts'

interface Deps {
  database: Database
  clock: Clock
  random: Random
  setup: ServerSetup
  outerKeys: OuterKeys
  registration: RegistrationPolicy
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
  readonly invite?: string | undefined
}

/**
 * OPAQUE's first registration message; the same for names that are taken.
 *
 * @throws ServerError `registration_closed`, `invite_required`, `invite_invalid`, `bad_request`
 */
export async function startRegistration(
  deps: Pick<Deps, 'database' | 'clock' | 'setup' | 'registration'>,
  input: { login: string; request: string; invite?: string | undefined },
): Promise<{ response: string }> {
  await requireAdmission(deps, { code: input.invite, accountId: null })
  const login = loginName(input.login)
  return answerRegistration(deps, deps.setup.userIdentifier(login), input.request)
}

/**
 * Creates an account in one transaction: OPAQUE record, outer key, both envelopes, recovery hash, card, keyring
 * version 1, genesis commit of the private vault.
 *
 * @throws ServerError `registration_closed`, `invite_required`, `invite_invalid`, `login_taken`, `account_exists`,
 *   `commit_rejected`, `bad_request`
 */
export async function finishRegistration(deps: Deps, input: RegistrationInput): Promise<NewSession> {
  await requireAdmission(deps, { code: input.invite, accountId: input.accountId })
  const login = loginName(input.login)
  checkRecord(deps, deps.setup.userIdentifier(login), input.record)
  const card = await checkCard(input.card, input.accountId)
  const genesis = await verifyCommit({ ...commitVerifier, state: null, bytes: input.genesis }).catch(rejectCommit)
  checkFounder(genesis, { accountId: input.accountId, card })
  const outer = await deps.outerKeys.create(input.accountId)
  const now = deps.clock.nowMs()

  return deps.database.transaction().execute(async (tx) => {
    // First, so that nobody without an invitation learns which login names are taken.
    const invited = await useInvite(deps, tx, { code: input.invite, accountId: input.accountId })
    await insertAccount(tx, {
      id: input.accountId,
      login_hash: deps.setup.userIdentifier(login),
      setup_id: deps.setup.id,
      opaque_record: input.record,
      recovery_auth_hash: input.recoveryAuthHash,
      card: input.card,
      card_hash: card.hash,
      private_vault_id: genesis.header.vaultId,
      quota_bytes: invited.quotaBytes,
      invite_id: invited.inviteId,
      used_bytes: 0,
      created_ms: now,
    })
    await insertOuterKey(tx, input.accountId, outer, now)
    await insertSealedKeys(deps, tx, input, outer)
    await insertPrivateVault(tx, genesis, { bytes: input.genesis, now })
    const session = await createSession({ ...deps, database: tx }, { accountId: input.accountId, outer })
    await recordAudit(deps, tx, input.accountId, 'registered', session.sessionId)
    return session
  })
}

async function insertAccount(tx: DatabaseTransaction, account: Insertable<Tables['accounts']>): Promise<void> {
  const deleted = await tx
    .selectFrom('deletions')
    .select('account_id')
    .where('account_id', '=', account.id)
    .executeTakeFirst()
  if (deleted !== undefined) throw new ServerError('account_exists')
  const inserted = await tx
    .insertInto('accounts')
    .values(account)
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst()
  if (inserted !== undefined) return
  const taken = await tx
    .selectFrom('accounts')
    .select('id')
    .where('login_hash', '=', account.login_hash)
    .executeTakeFirst()
  throw new ServerError(taken === undefined ? 'account_exists' : 'login_taken')
}

async function insertSealedKeys(
  deps: Pick<Deps, 'random'>,
  tx: DatabaseTransaction,
  input: RegistrationInput,
  outer: OuterKey,
): Promise<void> {
  const { accountId } = input
  const seal = (place: OuterPlace, bytes: Uint8Array) => ({
    account_id: accountId,
    version: 1,
    outer_version: outer.version,
    sealed: sealOuter(deps.random, outer.key, place, bytes),
  })
  await tx
    .insertInto('envelopes')
    .values([
      { method: PASSWORD, ...seal(envelopePlace(accountId, PASSWORD, 1), input.passwordEnvelope) },
      { method: RECOVERY, ...seal(envelopePlace(accountId, RECOVERY, 1), input.recoveryEnvelope) },
    ])
    .execute()
  await tx
    .insertInto('keyrings')
    .values(seal(keyringPlace(accountId, 1), input.keyring))
    .execute()
}

async function insertPrivateVault(
  tx: DatabaseTransaction,
  genesis: VerifiedCommit,
  appended: { bytes: Uint8Array; now: number },
): Promise<void> {
  const { vaultId, accountId } = genesis.header
  const vault = await tx
    .insertInto('vaults')
    .values({
      id: vaultId,
      owner_id: accountId,
      epoch: genesis.next.epoch,
      head_seq: 0,
      head_hash: genesis.hash,
      chain_state: encodeChainState(genesis.next),
      created_ms: appended.now,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst()
  if (vault === undefined) throw new ServerError('commit_rejected', { details: { reason: 'vault_exists' } })
  await tx
    .insertInto('members')
    .values({ vault_id: vaultId, account_id: accountId, role: 'owner', state: 'active' })
    .execute()
  await tx
    .insertInto('commits')
    .values({ vault_id: vaultId, seq: 0, hash: genesis.hash, bytes: appended.bytes, appended_ms: appended.now })
    .execute()
}

/** The vault's only member must be the account itself, under the card that it registers. */
function checkFounder(genesis: VerifiedCommit, founder: { accountId: Uint8Array; card: CheckedCard }): void {
  const [member, ...others] = genesis.next.members
  const own =
    member !== undefined &&
    others.length === 0 &&
    equal(member.accountId, founder.accountId) &&
    equal(member.cardHash, founder.card.hash) &&
    equal(member.publicKey, founder.card.ed25519PublicKey)
  if (!own) throw new ServerError('commit_rejected', { details: { reason: 'genesis_is_not_the_card' } })
}
