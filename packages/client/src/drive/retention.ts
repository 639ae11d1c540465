import { concat, equalBytes, i64, readI64, toHex } from '@strongroom/crypto'
import {
  isInTrash,
  type PurgeOperation,
  type RecordOperation,
  recordOf,
  recordsOf,
  subtreeOf,
  trashedNodes,
  type VaultNode,
  type VaultState,
} from '@strongroom/vault'
import type { DriveContext } from './context.ts'
import { purgeTrashed } from './purge.ts'
import { daysOperation, daysSetting } from './settings.ts'
import type { CallOptions, RetentionPolicy } from './types.ts'

/** Type of the account records that announce what will be destroyed. */
const MARK_RECORD = 'retention'
const DAY_MS = 24 * 60 * 60 * 1000
/** How long something is announced before it is destroyed, whatever the clocks say. */
const NOTICE_DAYS = 7
const DEFAULT_POLICY: RetentionPolicy = { trashDays: 30, versionDays: null }
/** Announcements in one run. */
const MOST_MARKS = 1000

/** The clocks that have to agree before anything is destroyed. */
export interface Clocks {
  readonly ownMs: number
  readonly serverMs: number
}

/** What a run of retention does. */
export interface RetentionPlan {
  /** Announcements to make, renew or take back. */
  readonly marks: readonly RecordOperation[]
  /** Trashed nodes whose time is over. */
  readonly trash: readonly VaultNode[]
  /** Old versions whose time is over. */
  readonly versions: PurgeOperation['versionIds']
}

/** The account's policy. */
export function policyOf(state: VaultState): RetentionPolicy {
  return {
    trashDays: daysSetting(state, 'trash-days', DEFAULT_POLICY.trashDays),
    versionDays: daysSetting(state, 'version-days', DEFAULT_POLICY.versionDays),
  }
}

/** Something that the policy will not keep for ever. */
interface Candidate {
  readonly key: Uint8Array
  /** The newest time that the log claims for it. */
  readonly claimMs: number
  readonly days: number
}

/**
 * What is due. First a thing that is old enough by all clocks is announced by a record in the log; a week later, again
 * by all clocks, it is destroyed, if nothing has happened to it since.
 *
 * @see spec/retention.md
 */
export function planRetention(state: VaultState, clocks: Clocks): RetentionPlan {
  const policy = policyOf(state)
  const earlyMs = Math.min(clocks.ownMs, clocks.serverMs)
  const lateMs = Math.max(clocks.ownMs, clocks.serverMs)
  const marks: RecordOperation[] = []
  const trash: VaultNode[] = []
  const versions: PurgeOperation['versionIds'] = []
  const wanted = new Set<string>()
  const isOver = ({ key, claimMs, days }: Candidate): boolean => {
    if (earlyMs - Math.min(claimMs, earlyMs) < days * DAY_MS) return false
    wanted.add(toHex(key))
    const mark = readMark(recordOf(state, MARK_RECORD, key))
    if (mark !== null && mark.claimMs === claimMs) return earlyMs - mark.markedMs >= NOTICE_DAYS * DAY_MS
    marks.push({ op: 'record', type: MARK_RECORD, key, value: concat(i64(lateMs), i64(claimMs)) })
    return false
  }
  for (const node of policy.trashDays === null ? [] : trashedNodes(state)) {
    const candidate = { key: node.id, claimMs: newestClaim(state, node), days: policy.trashDays ?? 0 }
    if (isOver(candidate)) trash.push(node)
  }
  if (policy.versionDays !== null) {
    for (const { node, version, claimMs } of oldVersions(state)) {
      const candidate = { key: concat(node.id, version.id), claimMs, days: policy.versionDays }
      if (isOver(candidate)) versions.push({ nodeId: node.id, versionId: version.id })
    }
  }
  // What was restored, destroyed or changed since is announced no longer.
  for (const { key } of recordsOf(state, MARK_RECORD)) {
    if (!wanted.has(toHex(key))) marks.push({ op: 'record', type: MARK_RECORD, key, value: null })
  }
  return { marks: marks.slice(0, MOST_MARKS), trash, versions: versions.slice(0, MOST_MARKS) }
}

// What was trashed long ago by a wrong clock, or written to while in the trash, is as new as its newest claim.
function newestClaim(state: VaultState, top: VaultNode): number {
  const claims = subtreeOf(state, top.id).flatMap((node) => [
    node.createdMs,
    node.trashedMs ?? node.createdMs,
    ...node.versions.map((version) => version.timeMs),
  ])
  return claims.reduce((newest, claim) => Math.max(newest, claim), Number.NEGATIVE_INFINITY)
}

/** Versions that are not the newest, of files that are not in the trash, and when they were replaced. */
function* oldVersions(
  state: VaultState,
): Generator<{ node: VaultNode; version: VaultNode['versions'][number]; claimMs: number }> {
  for (const node of state.nodes.values()) {
    if (node.versions.length < 2 || isInTrash(state, node.id)) continue
    for (const [index, version] of node.versions.entries()) {
      const next = node.versions[index + 1]
      if (next !== undefined) yield { node, version, claimMs: Math.max(version.timeMs, next.timeMs) }
    }
  }
}

function readMark(value: Uint8Array | null): { markedMs: number; claimMs: number } | null {
  if (value === null || value.length !== 16) return null
  return { markedMs: Number(readI64(value, 0)), claimMs: Number(readI64(value, 8)) }
}

/**
 * Announces and destroys what the policy says; does nothing, and asks nobody, as long as nothing is due.
 *
 * @returns how many things in the trash and how many versions were destroyed
 */
export async function tidy(
  context: DriveContext,
  options: CallOptions = {},
): Promise<{ trashed: number; versions: number }> {
  const { log, platform, api } = context
  const ownMs = platform.clock.nowMs()
  const alone = planRetention(log.state, { ownMs, serverMs: ownMs })
  if (alone.marks.length + alone.trash.length + alone.versions.length === 0) return { trashed: 0, versions: 0 }
  await log.sync(options.signal)
  const { timeMs: serverMs } = await api.call('info', { signal: options.signal })
  const clocks = { ownMs, serverMs }
  const plan = planRetention(log.state, clocks)
  await purgeTrashed(context, plan.trash, options.signal)
  let versions = 0
  if (plan.versions.length > 0) {
    const { rebased } = await log.commit((state) => {
      const versionIds = planRetention(state, clocks).versions
      versions = versionIds.length
      if (versions === 0) return null
      return { operations: [{ op: 'purge', nodeIds: [], versionIds }], contents: [], onlyAsPlanned: true }
    }, options.signal)
    // Another device was busy; the next run finds the same again.
    if (rebased) versions = 0
  }
  await log.commit((state) => {
    const { marks } = planRetention(state, clocks)
    return marks.length === 0 ? null : { operations: marks, contents: [], onlyAsPlanned: true }
  }, options.signal)
  await log.flush()
  return { trashed: plan.trash.length, versions }
}

/** Sets the account's policy; what is left out stays. @throws ClientError `usage` */
export async function setPolicy(
  context: DriveContext,
  change: Partial<RetentionPolicy>,
  options: CallOptions = {},
): Promise<RetentionPolicy> {
  const { log } = context
  const operations = [daysOperation('trash-days', change.trashDays), daysOperation('version-days', change.versionDays)]
  const wanted = operations.filter((operation) => operation !== null)
  await log.sync(options.signal)
  await log.commit((state) => {
    const changes = wanted.filter(({ type, key, value }) => {
      const known = recordOf(state, type, key)
      return value === null || known === null || !equalBytes(known, value)
    })
    return changes.length === 0 ? null : { operations: changes, contents: [] }
  }, options.signal)
  await log.flush()
  return policyOf(log.state)
}
