import { toHex } from '@strongroom/crypto'
import type { StateStore } from '../ports.ts'
import { advanceHead, forked, type HeadPin, loadPins, rolledBack, updatePins } from '../session/pins.ts'

/** The pinned head of one vault, shared with the other processes of this device. */
export interface HeadGuard {
  /** As this process knows it. */
  readonly pin: HeadPin | undefined
  /** Holds a verified commit against the pin, and remembers it. @throws ClientError `integrity`, a fork */
  pass(seq: number, hash: Uint8Array): void
  /**
   * Compares what the server calls its head with what was verified.
   *
   * @throws ClientError `integrity` when the server is behind this device or on another history
   */
  compare(shown: Head, own: Head | null): 'reached' | 'behind'
  /**
   * Moves the pin to a verified head.
   *
   * @returns `behind` when another process has pinned a newer one, which has to be reached too
   * @throws ClientError `integrity` when another process has pinned another history
   */
  settle(head: Head): Promise<'settled' | 'behind'>
}

export interface Head {
  readonly seq: number
  readonly hash: Uint8Array
}

/** The guard of a vault. @param vault - its id in hex */
export async function headGuard(store: StateStore, vault: string): Promise<HeadGuard> {
  let pin: HeadPin | undefined = (await loadPins(store)).heads[vault]
  /** Commits that this process has verified since the pin was last settled: what other processes pin is one of them. */
  const passed = new Map<number, string>()
  return {
    get pin() {
      return pin
    },
    pass(seq, bytes) {
      const hash = toHex(bytes)
      if (pin !== undefined && seq === pin.seq && hash !== pin.hash) throw forked(pin, { seq, hash })
      passed.set(seq, hash)
    },
    compare(shown, own) {
      if (own === null || shown.seq > own.seq) return 'behind'
      const known = pin !== undefined && own.seq < pin.seq ? pin : hexHead(own)
      if (shown.seq < known.seq) throw rolledBack(known, hexHead(shown))
      if (toHex(shown.hash) !== toHex(own.hash)) throw forked(hexHead(own), hexHead(shown))
      return 'reached'
    },
    async settle(own) {
      const head = hexHead(own)
      let stored = (await loadPins(store)).heads[vault]
      // Invariant: what is in the way of this process's own pin was compared with it when it was passed.
      const isOwn = stored === undefined || (stored.seq === pin?.seq && stored.hash === pin.hash)
      if (!isOwn || head.seq > (pin?.seq ?? -1)) {
        const hashAt = (seq: number) => (isOwn ? undefined : passed.get(seq))
        await updatePins(store, (pins) => {
          const changed = advanceHead(pins, vault, head, hashAt)
          stored = pins.heads[vault]
          return changed
        })
      }
      const moved = stored !== undefined && stored.seq > Math.max(head.seq, pin?.seq ?? -1)
      pin = stored
      for (const seq of passed.keys()) if (seq < head.seq) passed.delete(seq)
      return moved ? 'behind' : 'settled'
    },
  }
}

/** A head as pins hold it. */
export function hexHead({ seq, hash }: Head): HeadPin {
  return { seq, hash: toHex(hash) }
}
