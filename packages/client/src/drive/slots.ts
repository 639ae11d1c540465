import { toHex } from '@strongroom/crypto'
import { type ContentRecord, currentVersion, type VaultState } from '@strongroom/vault'
import { fetchSlices } from '../download/fetch-parts.ts'
import { sliceRange } from '../download/range.ts'
import { ClientError, throwIfAborted } from '../errors.ts'
import type { KeyedContent } from '../keys/contents.ts'
import { type Opened, openStill } from '../keys/open-still.ts'
import { type DriveContext, fetchContext, transferOf } from './context.ts'
import type { AttachedSlots, SlotContent, TransferOptions } from './types.ts'

/** What a file's newest version has beside the file itself, as this device saw it last; null for what has no version. */
export function slotsOf(state: VaultState, nodeId: string): AttachedSlots | null {
  const node = state.nodes.get(nodeId)
  const version = node === undefined ? null : currentVersion(node)
  if (version === null) return null
  const sizes = version.contents.filter(({ slot }) => slot !== 'main').map(({ slot, size }) => [slot, size] as const)
  return { versionId: toHex(version.id), sizes: new Map(sizes) }
}

/** Contents of one slot that are opened in one request. */
const BATCH = 200

/**
 * The contents that the newest versions of these nodes have in a slot, as they arrive, several at a time; what has none
 * (any more) is left out. Each is held in memory whole.
 *
 * @param most - larger contents are left out, in bytes
 */
export async function* readSlots(
  context: DriveContext,
  slot: string,
  nodeIds: readonly string[],
  options: TransferOptions & { readonly most: number },
): AsyncGenerator<SlotContent> {
  for (let start = 0; start < nodeIds.length; start += BATCH) {
    throwIfAborted(options.signal)
    const { state } = context.log
    const wanted = nodeIds
      .slice(start, start + BATCH)
      .flatMap((nodeId) => wantedOf(state, { slot, nodeId, ...options }))
    yield* readBatch(context, wanted, options)
  }
}

function wantedOf(
  state: VaultState,
  { slot, nodeId, most }: { slot: string; nodeId: string; most: number },
): KeyedContent[] {
  const node = state.nodes.get(nodeId)
  const version = node === undefined ? null : currentVersion(node)
  const record = version?.contents.find((content: ContentRecord) => content.slot === slot)
  if (node === undefined || version === null || record === undefined || record.size > most) return []
  return [{ record, places: [{ nodeId: node.id, versionId: version.id }] }]
}

async function* readBatch(
  context: DriveContext,
  wanted: readonly KeyedContent[],
  options: TransferOptions,
): AsyncGenerator<SlotContent> {
  const opened = await openStill(context, wanted, options.signal)
  const { jobs, limiter } = transferOf(context, options)
  const stop = new AbortController()
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal])
  const read = async ({ blob }: Opened): Promise<Uint8Array<ArrayBuffer>> => {
    const bytes = new Uint8Array(blob.layout.size)
    let done = 0
    const slices = sliceRange(blob.layout, 0, undefined)
    for await (const part of fetchSlices(fetchContext(context), blob, slices, { limiter, jobs: 1, signal })) {
      bytes.set(part.bytes, done)
      done += part.bytes.length
      part.release()
    }
    return bytes
  }
  const ahead: { each: Opened; bytes: Promise<Uint8Array<ArrayBuffer>> }[] = []
  let next = 0
  try {
    for (;;) {
      for (let each = opened[next]; each !== undefined && ahead.length < jobs; each = opened[next]) {
        const bytes = read(each)
        // Reason: one that fails before its turn must not count as unhandled.
        bytes.catch(() => undefined)
        ahead.push({ each, bytes })
        next += 1
      }
      const first = ahead.shift()
      if (first === undefined) return
      throwIfAborted(options.signal)
      const { nodeId, versionId } = placed(first.each.content)
      yield { nodeId, versionId, bytes: await first.bytes }
    }
  } finally {
    stop.abort()
    await Promise.allSettled(ahead.map(({ bytes }) => bytes))
    for (const { blob } of opened) blob.dek.dispose()
  }
}

function placed({ places: [place] }: KeyedContent): { nodeId: string; versionId: string } {
  if (place === undefined) throw new ClientError('not_found', 'The content has no place any more.')
  return { nodeId: toHex(place.nodeId), versionId: toHex(place.versionId) }
}
