import { type Check, mutationsOf } from '../checks/checks.ts'
import { buildMutant, type Mutant } from './mutant.ts'

/** Mutants by the checks that they lack, each built once. */
export interface Mutants extends AsyncDisposable {
  without(checks: readonly Check[]): Promise<Mutant>
}

export function keepMutants(): Mutants {
  const built = new Map<string, Promise<Mutant>>()
  return {
    without(checks) {
      const key = [...checks].sort().join(', ')
      const mutant = built.get(key) ?? buildMutant(mutationsOf(checks))
      built.set(key, mutant)
      return mutant
    },
    async [Symbol.asyncDispose]() {
      for (const mutant of await Promise.allSettled(built.values())) {
        if (mutant.status === 'fulfilled') await mutant.value[Symbol.asyncDispose]()
      }
    },
  }
}
