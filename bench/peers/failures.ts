import { reasonOf } from '../report.ts'

interface Contender {
  readonly by: string
  /** Why it cannot be measured. */
  readonly absent?: string
}

/** Why peers that were measured failed, so that one that fails takes no measurement of the others with it. */
export class Failures {
  readonly #reasons = new Map<Contender, string>()

  /**
   * Does something of a contender; nothing more where it has failed before.
   *
   * @throws where it is Strongroom that fails
   */
  async among<T>(contender: Contender, act: () => Promise<T>): Promise<T | undefined> {
    if (this.#reasons.has(contender)) return undefined
    try {
      return await act()
    } catch (error) {
      if (contender.by.startsWith('strongroom')) throw error
      this.#reasons.set(contender, `failed, ${reasonOf(error)}`)
      return undefined
    }
  }

  /** Why a contender has no samples, as rows tell it. */
  absent(contender: Contender): { absent?: string } {
    const absent = contender.absent ?? this.#reasons.get(contender)
    return absent === undefined ? {} : { absent }
  }
}
