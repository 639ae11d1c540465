import { decodeBytes, encodeBytes } from '@strongroom/protocol'
import fc from 'fast-check'
import type { Trouble, WireAnswer } from './wire.ts'

/** What a server makes of the commits that a device asks for; numbers choose which, modulo what there is. */
export type Lie =
  /** An older head, and nothing after it. */
  | { readonly kind: 'rollback'; readonly back: number }
  /** One commit left out, sent twice, or exchanged with the next. */
  | { readonly kind: 'drop' | 'repeat' | 'swap'; readonly index: number }
  /** One bit changed, or bytes cut or added. */
  | { readonly kind: 'flip'; readonly index: number; readonly bit: number }
  | { readonly kind: 'cut' | 'extend'; readonly index: number; readonly length: number }
  /** A commit of another account in place of one. */
  | { readonly kind: 'foreign'; readonly index: number }
  /** A head with another hash, or farther than its commits. */
  | { readonly kind: 'headHash' | 'headAhead' }

const index = fc.nat(31)

export const lie: fc.Arbitrary<Lie> = fc.oneof(
  fc.record({ kind: fc.constant('rollback' as const), back: fc.nat(7) }),
  fc.record({ kind: fc.constantFrom('drop' as const, 'repeat' as const, 'swap' as const), index }),
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('flip' as const), index, bit: fc.nat(1 << 20) }) },
  fc.record({
    kind: fc.constantFrom('cut' as const, 'extend' as const),
    index,
    length: fc.integer({ min: 1, max: 9 }),
  }),
  fc.record({ kind: fc.constant('foreign' as const), index }),
  fc.record({ kind: fc.constantFrom('headHash' as const, 'headAhead' as const) }),
)

/** A server's log as it is: commits from genesis on, and the hash of each. */
export interface TrueLog {
  readonly commits: readonly Uint8Array[]
  readonly hashes: readonly Uint8Array[]
  /** Commits of another account. */
  readonly foreign: readonly Uint8Array[]
  /** Newest seq that the device has seen. */
  readonly seen: number
}

interface Page {
  head: { seq: number; hash: string }
  commits: string[]
}

/** Tells a lie about every page of commits. */
export function telling(lie: Lie, log: TrueLog): Trouble {
  return async (url, request, ask) => {
    const answer = await ask()
    const isPage = request.method === 'GET' && url.pathname.endsWith('/commits') && answer.status === 200
    return isPage ? twisted(answer, lie, log, Number(url.searchParams.get('from'))) : answer
  }
}

function twisted(answer: WireAnswer, lie: Lie, log: TrueLog, from: number): WireAnswer {
  const page: Page = JSON.parse(new TextDecoder().decode(answer.body))
  twist(page, lie, log, from)
  return { ...answer, body: new TextEncoder().encode(JSON.stringify(page)) }
}

function twist(page: Page, lie: Lie, log: TrueLog, from: number): void {
  const { commits } = page
  // A lie about one of the commits: always the same one, whatever page it is on.
  const at = (number: number): number => {
    const first = log.seen + 1
    const count = log.commits.length - first
    return first + (number % Math.max(1, count)) - from
  }
  switch (lie.kind) {
    case 'rollback': {
      const seq = Math.max(0, log.seen - 1 - lie.back)
      page.head = { seq, hash: encodeBytes(log.hashes[seq] ?? new Uint8Array(32)) }
      page.commits = commits.slice(0, Math.max(0, seq - from + 1))
      return
    }
    case 'headHash':
      page.head.hash = changed(page.head.hash, (bytes) => flip(bytes, 3))
      return
    case 'headAhead':
      page.head.seq += 1
      return
    case 'drop':
      commits.splice(at(lie.index), 1)
      return
    case 'repeat':
      commits.splice(at(lie.index), 0, commits[at(lie.index)] ?? '')
      return
    case 'swap': {
      const [first, second] = commits.splice(at(lie.index), 2)
      // The last one has nothing to change places with, and is left out.
      if (first !== undefined && second !== undefined) commits.splice(at(lie.index), 0, second, first)
      return
    }
    case 'foreign': {
      const position = at(lie.index)
      commits[position] = encodeBytes(log.foreign[position + from] ?? log.foreign.at(-1) ?? new Uint8Array(0))
      return
    }
    default: {
      const position = at(lie.index)
      commits[position] = changed(commits[position] ?? '', (bytes) => damaged(bytes, lie))
    }
  }
}

function damaged(bytes: Uint8Array, lie: Extract<Lie, { kind: 'flip' | 'cut' | 'extend' }>): Uint8Array {
  if (lie.kind === 'flip') return flip(bytes, lie.bit)
  if (lie.kind === 'cut') return bytes.subarray(0, bytes.length - lie.length)
  return new Uint8Array([...bytes, ...new Uint8Array(lie.length)])
}

function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = bytes.slice()
  const position = bit % (copy.length * 8)
  copy[position >> 3] = (copy[position >> 3] ?? 0) ^ (1 << (position & 7))
  return copy
}

function changed(text: string, change: (bytes: Uint8Array) => Uint8Array): string {
  return encodeBytes(change(decodeBytes(text) ?? new Uint8Array(0)))
}
