import { equal, hex } from '../bytes.ts'

/** A commit that is being appended, and whether it was in the end. */
interface UnderWay {
  readonly seq: number
  readonly hash: Uint8Array
  readonly ended: Promise<boolean>
}

/** The appends of this server that have not ended, by vault. */
export interface AppendsUnderWay {
  /**
   * Runs `append` once no other one for the same place of the same vault is under way here.
   *
   * @param append - resolves with null where it did not append
   * @returns 'taken', without having run it, where another commit has taken the place meanwhile
   */
  alone<T>(place: Place, append: () => Promise<T | null>): Promise<T | null | 'taken'>
}

interface Place {
  readonly vaultId: Uint8Array
  readonly seq: number
  readonly hash: Uint8Array
}

// [Note: Lost races] Of many clients that append to one vault at once, one wins. Who would lose is told so before its
// signatures are checked and a transaction begins: most of what a commit costs, and all of it in vain. This is a shortcut
// of one server; which commit comes next is decided by the database alone.

export function appendsUnderWay(): AppendsUnderWay {
  const places = new Map<string, UnderWay>()
  return {
    async alone({ vaultId, seq, hash }, append) {
      const vault = hex(vaultId)
      for (let other = places.get(vault); other?.seq === seq; other = places.get(vault)) {
        const isTaken = await other.ended
        // The same commit, sent twice, is not refused: it finds its own first answer.
        if (isTaken) return equal(other.hash, hash) ? append() : 'taken'
      }
      const work = append()
      const ended = work.then(
        (appended) => appended !== null,
        () => false,
      )
      const mine: UnderWay = { seq, hash, ended }
      places.set(vault, mine)
      try {
        return await work
      } finally {
        if (places.get(vault) === mine) places.delete(vault)
      }
    },
  }
}
