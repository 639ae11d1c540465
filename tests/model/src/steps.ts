import type { Conflict } from '@strongroom/client'
import fc from 'fast-check'

/** What a user does. */
export type Act =
  | { readonly verb: 'put'; readonly path: string; readonly conflict: Conflict }
  | { readonly verb: 'mkdir'; readonly path: string }
  | { readonly verb: 'move'; readonly path: string; readonly to: string; readonly conflict: Conflict }
  | { readonly verb: 'copy'; readonly path: string; readonly to: string }
  | { readonly verb: 'trash' | 'purge'; readonly path: string }
  | { readonly verb: 'restore'; readonly pick: number }
  | { readonly verb: 'restoreVersion'; readonly path: string }
  | { readonly verb: 'emptyTrash' }
  | { readonly verb: 'sync' }

/** What goes wrong while they do it. */
export type Fault =
  | { readonly kind: 'none' }
  /** The first commits sent: the server has them (or not), and the connection breaks. */
  | { readonly kind: 'lose'; readonly what: 'request' | 'answer'; readonly times: number }
  /** The answer to one request of any kind is lost. */
  | { readonly kind: 'loseAny'; readonly index: number }
  /** The process dies with its commit on the way: before or after the server has it. */
  | { readonly kind: 'crash'; readonly when: 'before' | 'after' }
  /** The process dies at a request of any kind. */
  | { readonly kind: 'crashAny'; readonly index: number; readonly when: 'before' | 'after' }
  /** The process ends in order, maybe without its cache, before it begins. */
  | { readonly kind: 'restart'; readonly loseCache: boolean }

export interface Step {
  readonly who: number
  readonly act: Act
  readonly fault: Fault
  /** What the next device does while the commit of this one is on its way. */
  readonly during: readonly Act[]
}

/** How many devices take part. */
export const DEVICES = 3

const path = fc.constantFrom('/a', '/b.txt', '/d', '/d/a', '/d/b.txt', '/e', '/e/a', '/e/d', '/e/d/a')
const conflict = fc.constantFrom<Conflict[]>('replace', 'replace', 'keep-both', 'skip')

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ verb: fc.constant('put' as const), path, conflict }) },
  { weight: 3, arbitrary: fc.record({ verb: fc.constant('mkdir' as const), path }) },
  { weight: 4, arbitrary: fc.record({ verb: fc.constant('move' as const), path, to: path, conflict }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('copy' as const), path, to: path }) },
  { weight: 3, arbitrary: fc.record({ verb: fc.constantFrom('trash' as const, 'purge' as const), path }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('restore' as const), pick: fc.nat(7) }) },
  { weight: 1, arbitrary: fc.record({ verb: fc.constant('restoreVersion' as const), path }) },
  { weight: 1, arbitrary: fc.constant({ verb: 'emptyTrash' as const }) },
  { weight: 1, arbitrary: fc.constant({ verb: 'sync' as const }) },
)

const when = fc.constantFrom('before' as const, 'after' as const)
const fault: fc.Arbitrary<Fault> = fc.oneof(
  { weight: 8, arbitrary: fc.constant({ kind: 'none' as const }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('lose' as const),
      what: fc.constantFrom('request' as const, 'answer' as const),
      times: fc.constantFrom(1, 2, 7),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('loseAny' as const), index: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('crash' as const), when }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crashAny' as const), index: fc.nat(5), when }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), loseCache: fc.boolean() }) },
)

/** What others do meanwhile, most often to the same thing: without that they would seldom meet. */
const meanwhile = fc.record({ act, same: fc.nat(3).map((number) => number > 0) })
const nobody: fc.Arbitrary<{ act: Act; same: boolean }[]> = fc.constant([])

function aimed(each: Act, at: Act): Act {
  return 'path' in each && 'path' in at ? { ...each, path: at.path } : each
}

/** One step of a story. */
export const step: fc.Arbitrary<Step> = fc
  .record({
    who: fc.nat(DEVICES - 1),
    act,
    fault,
    others: fc.oneof(nobody, fc.array(meanwhile, { minLength: 1, maxLength: 3 })),
  })
  .map(({ others, ...rest }) => ({
    ...rest,
    during: others.map((each) => (each.same ? aimed(each.act, rest.act) : each.act)),
  }))

/** What every story begins with. */
export const PROLOGUE: readonly Act[] = [
  { verb: 'mkdir', path: '/d' },
  { verb: 'mkdir', path: '/e' },
  { verb: 'put', path: '/a', conflict: 'replace' },
  { verb: 'put', path: '/d/a', conflict: 'replace' },
]
