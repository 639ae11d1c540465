import { fromHex, toHex } from '@strongroom/crypto'
import { type RecordOperation, recordOf, recordsOf, type VaultState } from '@strongroom/vault'
import { ClientError } from '../errors.ts'
import type { DriveContext } from './context.ts'
import { entryById } from './lookup.ts'
import type { CallOptions, Entry } from './types.ts'

/** Type of the account records that mark favourites: key is the node's id, value one byte. */
export const FAVOURITE_RECORD = 'favourite'
const MARK = Uint8Array.of(1)
/** Records in one commit. */
const BATCH = 1000

/** What is marked and there, in the order of paths. */
export function favouritesOf(state: VaultState): Entry[] {
  const entries = recordsOf(state, FAVOURITE_RECORD).map(({ key }) => entryById(state, toHex(key)))
  return entries.filter((entry) => entry !== null).sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** Marks nodes (hex ids), or takes their marks away. @throws ClientError `not_found`, `usage` */
export async function setFavourites(
  { log }: DriveContext,
  nodeIds: readonly string[],
  marked: boolean,
  options?: CallOptions,
): Promise<void> {
  if (nodeIds.length > BATCH) throw new ClientError('usage', `At most ${BATCH} favourites change at once.`)
  await log.sync(options?.signal)
  const wanted = [...new Set(nodeIds)]
  if (marked && wanted.some((nodeId) => entryById(log.state, nodeId) === null)) {
    throw new ClientError('not_found', 'There is no such file or folder.')
  }
  await log.commit((state) => {
    const operations = wanted
      .map(fromHex)
      .filter((key) => (recordOf(state, FAVOURITE_RECORD, key) !== null) !== marked)
      .map((key): RecordOperation => ({ op: 'record', type: FAVOURITE_RECORD, key, value: marked ? MARK : null }))
    return operations.length === 0 ? null : { operations, contents: [] }
  }, options?.signal)
  await log.flush()
}
