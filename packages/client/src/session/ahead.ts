import { equalBytes, toHex } from '@strongroom/crypto'
import type { ResponseOf, ROUTES } from '@strongroom/protocol'
import type { StateStore } from '../ports.ts'
import type { Api, CallInput } from '../transport/api.ts'
import { loadPins } from './pins.ts'

// [Note: Asking ahead]
// A profile opens only with the server's half, so a command waits for two answers: the half, then what is new in the
// log. Where the log goes on is no secret and known without any key, so both can be asked for at once.

/** The first page after the pinned head, asked for before the session was open. */
export interface Ahead {
  readonly vaultId: Uint8Array
  readonly from: number
  /** null when it failed; whoever wants it asks again. */
  readonly answer: Promise<ResponseOf<(typeof ROUTES)['commitsRead']> | null>
}

/** Asks for what is new in the private vault; null where this device has seen nothing of it yet. */
export async function askAhead(
  api: Api,
  store: StateStore,
  vaultId: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<Ahead | null> {
  const pin = (await loadPins(store)).heads[toHex(vaultId)]
  if (pin === undefined) return null
  const from = pin.seq + 1
  const answer = api.call('commitsRead', { params: { vaultId }, query: { from }, signal, retry: false })
  return { vaultId, from, answer: answer.catch(() => null) }
}

/**
 * The same calls. The first one takes the answer that is on its way, if it asks for just that; after any other call the
 * server may have changed by this very session.
 */
export function withAhead(api: Api, ahead: Ahead | null, store: StateStore): Api {
  let waiting = ahead
  return {
    server: api.server,
    async call(name, input) {
      const first = waiting
      waiting = null
      if (first !== null && name === 'commitsRead' && isSame(first, input)) {
        const answer = await first.answer
        // Invariant: an answer from before another process of this device saw more must not look like a rollback.
        if (answer !== null && (await isNewest(store, first))) return answer as never // The route is `commitsRead`.
      }
      return await api.call(name, input)
    },
  }
}

function isSame(ahead: Ahead, { params, query }: AnyInput): boolean {
  const asked = { params, query } as CallInput<'commitsRead'> // As above.
  const vaultId = asked.params?.vaultId
  return vaultId !== undefined && equalBytes(vaultId, ahead.vaultId) && asked.query?.from === ahead.from
}

interface AnyInput {
  readonly params?: unknown
  readonly query?: unknown
}

async function isNewest(store: StateStore, { vaultId, from }: Ahead): Promise<boolean> {
  return (await loadPins(store)).heads[toHex(vaultId)]?.seq === from - 1
}
