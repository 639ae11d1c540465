import { asBlobId, equalBytes, type VaultId } from '@strongroom/crypto'
import type { ResponseOf, ROUTES, RouteName } from '@strongroom/protocol'
import type { Api, CallInput } from '../transport/api.ts'
import type { SeenRecord } from './records.ts'
import type { SeenStore } from './seen.ts'

interface Watcher<N extends RouteName> {
  /** Before it is sent, so that a lost answer loses nothing. */
  readonly sent?: (input: CallInput<N>) => SeenRecord[]
  readonly read?: (answer: ResponseOf<(typeof ROUTES)[N]>) => SeenRecord[]
  /** Whether the answer is given while it is being kept: who asks waits for that before it counts as seen. */
  readonly isBeside?: true
}

type Watchers = { readonly [N in RouteName]?: Watcher<N> }

const WATCHED: Watchers = {
  commitsRead: { read: ({ commits }) => commits.map((bytes) => ({ kind: 'commit', bytes })), isBeside: true },
  commitAppend: {
    sent: ({ body }) => {
      if (body === undefined) return []
      const { commit, wraps, checkpoint } = body
      return [
        ...wraps.map((wrap): SeenRecord => ({ ...wrap, kind: 'wrap', blobId: asBlobId(wrap.blobId) })),
        ...(checkpoint === undefined ? [] : [{ ...checkpoint, kind: 'checkpoint' } as const]),
        { kind: 'commit', bytes: commit },
      ]
    },
  },
  blobsReserve: {
    sent: ({ body }) =>
      (body?.blobs ?? []).flatMap(({ blobId, blobLength, part, framedPart }): SeenRecord[] => {
        const digests = (part ?? framedPart)?.sha256
        if (digests === undefined || blobLength === null) return []
        return [{ kind: 'blob', blobId: asBlobId(blobId), blobLength, digests }]
      }),
  },
  blobsComplete: {
    sent: ({ body }) =>
      (body?.blobs ?? []).map(({ blobId, blobLength, parts }) => {
        const digests = new Uint8Array(parts.length * 32)
        for (const [index, part] of parts.entries()) digests.set(part.sha256, index * 32)
        return { kind: 'blob', blobId: asBlobId(blobId), blobLength, digests }
      }),
  },
  blobsOpen: {
    read: ({ blobs }) =>
      blobs.flatMap(({ blobId, blobLength, digests, wraps }): SeenRecord[] => [
        { kind: 'blob', blobId: asBlobId(blobId), blobLength, digests },
        ...wraps.map((wrap): SeenRecord => ({ ...wrap, kind: 'wrap', blobId: asBlobId(wrap.blobId) })),
      ]),
  },
  checkpointRead: {
    read: ({ checkpoint }) => (checkpoint === null ? [] : [{ ...checkpoint, kind: 'checkpoint' }]),
  },
}

/**
 * The same calls, of which is kept what a server that was set back would need again. Nothing of it is trusted for that:
 * a restore takes only what the pinned head leads back to.
 */
export function watchApi(api: Api, seen: SeenStore, vaultId: VaultId): Api {
  return {
    server: api.server,
    async call(name, input) {
      const watcher = isOfVault(input, vaultId) ? watcherOf(name) : undefined
      if (watcher?.sent !== undefined) await seen.add(watcher.sent(input))
      const answer = await api.call(name, input)
      if (watcher?.read === undefined) return answer
      // One answer at a time is kept in memory for that.
      if (watcher.isBeside) await seen.kept()
      const keeping = seen.add(watcher.read(answer))
      if (!watcher.isBeside) await keeping
      return answer
    },
  }
}

function watcherOf<N extends RouteName>(name: N): Watcher<N> | undefined {
  return WATCHED[name] as Watcher<N> | undefined // The table has each route's own watcher at its name.
}

function isOfVault(input: { params?: unknown; body?: unknown }, vaultId: VaultId): boolean {
  const named = vaultOf(input.params) ?? vaultOf(input.body)
  return named === null || equalBytes(named, vaultId)
}

function vaultOf(value: unknown): Uint8Array | null {
  if (typeof value !== 'object' || value === null || !('vaultId' in value)) return null
  return value.vaultId instanceof Uint8Array ? value.vaultId : null
}
