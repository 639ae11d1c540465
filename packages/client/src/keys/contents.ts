import { type BlobId, type DeviceId, toHex } from '@strongroom/crypto'
import type { ContentRecord, VaultNode, VaultState } from '@strongroom/vault'
import { daysSetting } from '../drive/settings.ts'
import type { Amount } from './types.ts'

const DAY_MS = 24 * 60 * 60 * 1000
/** Name of the setting. */
export const CONTENT_DAYS = 'content-key-days'
const DEFAULT_DAYS = 365

/** A stored content, and every version that names it. */
export interface KeyedContent {
  readonly record: ContentRecord
  readonly places: readonly Place[]
}

export interface Place {
  readonly nodeId: VaultNode['id']
  readonly versionId: VaultNode['versions'][number]['id']
}

/** Every content of every version, also of what lies in the trash; each blob (and slot) once. */
export function keyedContents(state: VaultState): KeyedContent[] {
  const found = new Map<string, { record: ContentRecord; places: Place[] }>()
  for (const node of state.nodes.values()) {
    for (const version of node.versions) {
      for (const record of version.contents) {
        const key = `${toHex(record.blobId)} ${record.slot}`
        const place = { nodeId: node.id, versionId: version.id }
        const known = found.get(key)
        if (known === undefined) found.set(key, { record, places: [place] })
        else known.places.push(place)
      }
    }
  }
  return [...found.values()]
}

/**
 * Contents in an order that is the device's own, the same every time.
 *
 * Reason: of two devices that go through them at once in one order, the later one sends everything for nothing, and is
 * charged for it until the server collects it. Ids are random: each pair of devices begins with other halves of some part.
 */
export function inOwnOrder(contents: readonly KeyedContent[], deviceId: DeviceId): KeyedContent[] {
  const ranked = contents.map((content) => ({ content, rank: rankOf(content.record.blobId, deviceId) }))
  return ranked.sort((a, b) => a.rank - b.rank).map(({ content }) => content)
}

/** The first 48 bits of the two, exclusive-or. */
function rankOf(blobId: BlobId, deviceId: DeviceId): number {
  let rank = 0
  for (let at = 0; at < 6; at += 1) rank = rank * 256 + ((blobId[at] ?? 0) ^ (deviceId[at] ?? 0))
  return rank
}

/** Age of a content's key in milliseconds, from its signed record alone; what claims to be of the future is new. */
export function keyAge({ dekTimeMs }: ContentRecord, nowMs: number): number {
  return Math.max(0, nowMs - dekTimeMs)
}

/** Days after which keys of contents are due; null is never. */
export function contentDays(state: VaultState): number | null {
  return daysSetting(state, CONTENT_DAYS, DEFAULT_DAYS)
}

/** The age from which on a key is due, in milliseconds; null is never. */
export function dueAge(state: VaultState, olderThanMs: number | undefined): number | null {
  if (olderThanMs !== undefined) return olderThanMs
  const days = contentDays(state)
  return days === null ? null : days * DAY_MS
}

/** Whether a content's key is at least so old. */
export function isDue(record: ContentRecord, ageMs: number | null, nowMs: number): boolean {
  return ageMs !== null && keyAge(record, nowMs) >= ageMs
}

/** Counts contents and their bytes. */
export function amountOf(contents: readonly KeyedContent[]): Amount {
  return { contents: contents.length, bytes: contents.reduce((sum, { record }) => sum + record.size, 0) }
}

/** Upper ends of the groups that the status shows, in days; the last has none. */
const AGES = [30, 90, 365, null]

/** Contents by the age of their keys. */
export function byAge(contents: readonly KeyedContent[], nowMs: number): (Amount & { underDays: number | null })[] {
  return AGES.map((underDays, index) => {
    const from = (AGES[index - 1] ?? 0) * DAY_MS
    const to = underDays === null ? Number.POSITIVE_INFINITY : underDays * DAY_MS
    const group = contents.filter(({ record }) => {
      const age = keyAge(record, nowMs)
      return age >= from && age < to
    })
    return { underDays, ...amountOf(group) }
  })
}
