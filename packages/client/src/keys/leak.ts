import { concat, equalBytes, type Keyring, readU64, u64, utf8 } from '@strongroom/crypto'
import { findMember, type RecordOperation, recordOf } from '@strongroom/vault'
import type { DriveContext } from '../drive/context.ts'
import { integrityError } from '../errors.ts'
import type { LeakAnswer } from './types.ts'

/** Type of the account record that tells of an answer to a leak which is not finished. */
const TASK_RECORD = 'key-task'
const TASK = utf8('leak')
const VERSIONS_LENGTH = 24

interface LeakContext {
  readonly drive: DriveContext
  readonly keyring: () => Keyring
}

// [Note: Answering a leak]
// New password, account key, identity and epoch cannot change in one transaction. A record in the private log keeps what
// the account had when the answer began: versions of the sealed keys, u64 each, and card hash. Whoever finds it compares,
// and goes on with what is still the same. It is removed last.

/** Where an answer to a leak stands; null when none is under way. */
export async function leakAnswer(context: LeakContext, signal: AbortSignal | undefined): Promise<LeakAnswer | null> {
  const { api, log } = context.drive
  await log.sync(signal)
  await log.flush()
  const record = recordOf(log.state, TASK_RECORD, TASK)
  if (record === null || record.length !== VERSIONS_LENGTH + 32) return null
  const { versions } = await api.call('credentialsRead', { signal })
  const stored = [versions.password, versions.recovery, versions.keyring]
  const isAccountDone = stored.every((version, index) => version > readU64(record, index * 8))
  const isIdentityDone = !equalBytes(await ownCard(context), record.subarray(VERSIONS_LENGTH))
  return { isAccountDone, isIdentityDone }
}

/** Notes what is to be replaced. Where one is under way already, that one goes on. */
export async function beginLeakAnswer(context: LeakContext, signal: AbortSignal | undefined): Promise<LeakAnswer> {
  const going = await leakAnswer(context, signal)
  if (going !== null) return going
  const { api, log } = context.drive
  const { versions } = await api.call('credentialsRead', { signal })
  const value = concat(u64(versions.password), u64(versions.recovery), u64(versions.keyring), await ownCard(context))
  await write(context, { op: 'record', type: TASK_RECORD, key: TASK, value }, signal)
  await log.flush()
  return { isAccountDone: false, isIdentityDone: false }
}

/** All is replaced. */
export async function endLeakAnswer(context: LeakContext, signal: AbortSignal | undefined): Promise<void> {
  await write(context, { op: 'record', type: TASK_RECORD, key: TASK, value: null }, signal)
  await context.drive.log.flush()
}

async function write(
  { drive }: LeakContext,
  operation: RecordOperation,
  signal: AbortSignal | undefined,
): Promise<void> {
  await drive.log.commit(() => ({ operations: [operation], contents: [] }), signal)
}

async function ownCard({ drive, keyring }: LeakContext): Promise<Uint8Array> {
  const snapshot = await drive.log.snapshot()
  const member = snapshot === null ? null : findMember(snapshot.chain.members, keyring().accountId)
  if (member === null) throw integrityError('the membership of this account')
  return member.cardHash
}
