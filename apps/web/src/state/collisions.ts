import type { Vault } from '../bridge/connect.ts'
import type { Conflict, Taken } from '../worker/vault-api.ts'
import { observable } from './observable.ts'

/** Something that is to be put where something lies already. */
export interface Arrival {
  readonly path: string
  readonly kind: 'file' | 'folder' | 'symlink'
  readonly size: number
  readonly timeMs: number
}

export interface Collision {
  readonly arrival: Arrival
  readonly taken: Taken
}

interface Open {
  readonly collisions: readonly Collision[]
  /** By path; null gives up. */
  answer(answers: ReadonlyMap<string, Conflict> | null): void
}

/** What a user has to decide now. */
export const openCollisions = observable<Open | null>(null)

/** Whether an answer can replace what is there: files replace files, nothing else is ever replaced. */
export function isReplaceable({ arrival, taken }: Collision): boolean {
  return arrival.kind === 'file' && taken.kind === 'file'
}

/**
 * Asks what becomes of arrivals whose place is taken. Resolves with an answer by path for each of those, or null when
 * its user gave up; with an empty map where nothing is in the way.
 */
export async function resolveCollisions(
  vault: Vault,
  arrivals: readonly Arrival[],
): Promise<ReadonlyMap<string, Conflict> | null> {
  const taken = new Map((await vault.taken(arrivals.map(({ path }) => path))).map((one) => [one.path, one]))
  const collisions = arrivals.flatMap((arrival): Collision[] => {
    const there = taken.get(arrival.path)
    return there === undefined ? [] : [{ arrival, taken: there }]
  })
  if (collisions.length === 0) return new Map()
  return await new Promise((done) => {
    openCollisions.get()?.answer(null)
    openCollisions.set({
      collisions,
      answer(answers) {
        openCollisions.set(null)
        done(answers)
      },
    })
  })
}

/** Groups things by what is done about their collision; those without one keep both. */
export function byAnswer<T>(
  things: readonly T[],
  pathOf: (thing: T) => string,
  answers: ReadonlyMap<string, Conflict>,
): ReadonlyMap<Conflict, readonly T[]> {
  const groups = new Map<Conflict, T[]>()
  for (const thing of things) {
    const answer = answers.get(pathOf(thing)) ?? 'keep-both'
    groups.set(answer, [...(groups.get(answer) ?? []), thing])
  }
  return groups
}
