import { type CryptoEngine, equalBytes, type Keyring, signatureMessage, toHex } from '@strongroom/crypto'
import { findMember, type Member } from '@strongroom/vault'
import type { DriveContext } from '../drive/context.ts'
import { integrityError } from '../errors.ts'
import { type MembershipCommit, readMembership } from '../vault-log/epochs.ts'
import { amountOf, byAge, contentDays, dueAge, isDue, keyedContents } from './contents.ts'
import type { KeyStatus, ServerKeysClaim, StatusOptions } from './types.ts'

/** Age from which on keys of the server are due, in milliseconds. */
const SERVER_KEYS_DUE_MS = 365 * 24 * 60 * 60 * 1000

export interface StatusContext {
  readonly drive: DriveContext
  readonly keyring: () => Keyring
  readonly accountKeyMs: () => number | null
}

/** The account's keys and their ages. */
export async function keyStatus(context: StatusContext, options: StatusOptions = {}): Promise<KeyStatus> {
  const { api, log, platform } = context.drive
  await log.sync(options.signal)
  await log.flush()
  const keyring = context.keyring()
  const snapshot = await log.snapshot()
  const member = snapshot === null ? null : findMember(snapshot.chain.members, keyring.accountId)
  if (member === null) throw integrityError('the membership of this account')
  const { vaultId } = log.state
  const commits = await trusted(platform.engine, await readMembership(platform.engine, api, vaultId), keyring, member)
  const nowMs = platform.clock.nowMs()
  const contents = keyedContents(log.state)
  const ageMs = dueAge(log.state, options.olderThanMs)
  const genesisMs = commits.find(({ header }) => header.seq === 0)?.header.timeMs ?? null
  return {
    accountKeyMs: context.accountKeyMs() ?? genesisMs,
    keyringVersion: keyring.version,
    cardHash: toHex(member.cardHash),
    cardMs: timeOf(commits, ({ section }) =>
      section.members.some((change) => equalBytes(change.cardHash, member.cardHash)),
    ),
    epoch: log.epoch,
    epochMs: timeOf(commits, ({ header, section }) => {
      const started = header.seq === 0 ? header.epoch : header.epoch + 1
      return section.epochChange !== null && started === log.epoch
    }),
    ages: byAge(contents, nowMs),
    total: amountOf(contents),
    policyDays: contentDays(log.state),
    due: amountOf(contents.filter(({ record }) => isDue(record, ageMs, nowMs))),
    server: await serverKeys(context.drive, options.signal),
  }
}

async function serverKeys({ api, platform }: DriveContext, signal: AbortSignal | undefined): Promise<ServerKeysClaim> {
  const claim = await api.call('serverKeys', { signal })
  const oldestMs = Math.min(claim.outerKeyMs, claim.kmsKeyMs ?? claim.outerKeyMs)
  return { ...claim, due: platform.clock.nowMs() - oldestMs >= SERVER_KEYS_DUE_MS }
}

function timeOf(commits: readonly MembershipCommit[], is: (commit: MembershipCommit) => boolean): number | null {
  return commits.find(is)?.header.timeMs ?? null
}

/** Those that the keyring names, or this account's newest identity has signed; nothing is told from others. */
async function trusted(
  engine: CryptoEngine,
  commits: readonly MembershipCommit[],
  keyring: Keyring,
  member: Member,
): Promise<MembershipCommit[]> {
  const found: MembershipCommit[] = []
  for (const commit of commits) {
    const { hash, signature } = commit
    const named = equalBytes(hash, keyring.genesisHash) || equalBytes(hash, keyring.anchor.commitHash)
    if (named || (await engine.ed25519Verify(member.publicKey, signatureMessage('commit', hash), signature))) {
      found.push(commit)
    }
  }
  return found
}
