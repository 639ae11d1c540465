import { LIMITS } from '@strongroom/protocol'
import type { Database } from '../../database/tables.ts'
import type { Clock, Signals } from '../../ports/index.ts'
import { hex } from '../bytes.ts'
import { ServerError } from '../errors.ts'
import { requireLiving } from '../sessions/living.ts'
import type { Session } from '../sessions/sessions.ts'
import { type Head, readHead } from './read.ts'

const RETRY_SECONDS = 5
/** Before an account's id: the database tells so that sessions of it ended (migration 15). */
const ACCOUNT = 'account-'
/** How often a waiting request looks for itself while no signals arrive. */
const POLL_MS = 1_000

/** One request that waits for a newer head. */
export interface Waiter {
  /** Whether it has waited long enough, or has to end. */
  ended(): boolean
  /** Resolves once the head may have moved since the last call, or the wait has ended. */
  next(): Promise<void>
  leave(): void
}

/** Who waits for which vault on this server. */
export interface HeadWatch {
  /** @throws ServerError `too_many_requests` when the account has too many requests waiting */
  enter(reader: { vaultId: Uint8Array; accountId: Uint8Array }, signal: AbortSignal): Waiter
  /** Wakes who waits for the vault, here and on other servers. */
  moved(vaultId: Uint8Array): void
  /** Requests that wait at the moment. */
  waiting(): number
  /** Ends every wait, now and from now on. */
  close(): void
}

/** Waits of this server's requests, woken by its own commits and by the signals of others. */
export function headWatch(signals: Signals, waitMs: number = LIMITS.headWaitMs): HeadWatch {
  /** By vault, and by account as its messages name it. */
  const wakers = new Map<string, Set<() => void>>()
  const perAccount = new Map<string, number>()
  const unsent = new Set<string>()
  let closed = false
  let waiting = 0

  const wake = (about: string | null): void => {
    const sets = about === null ? [...wakers.values()] : [wakers.get(about) ?? new Set<() => void>()]
    for (const set of sets) for (const waker of [...set]) waker()
  }
  const stopListening = signals.listen(wake)

  /** Many commits at once become few messages. */
  const tell = (vault: string): void => {
    unsent.add(vault)
    if (unsent.size > 1) return
    setImmediate(() => {
      const messages = [...unsent]
      unsent.clear()
      void signals.send(messages)
    })
  }

  return {
    enter(reader, signal) {
      const [vault, account] = [hex(reader.vaultId), hex(reader.accountId)]
      const others = perAccount.get(account) ?? 0
      if (others >= LIMITS.headWaiters) throw new ServerError('too_many_requests', { retryAfterSeconds: RETRY_SECONDS })
      perAccount.set(account, others + 1)
      let over = false
      let woken = false
      let resume: (() => void) | null = null
      const waker = (): void => {
        woken = true
        resume?.()
      }
      const end = (): void => {
        over = true
        waker()
      }
      const timer = setTimeout(end, waitMs)
      const poll = setInterval(() => {
        if (!signals.connected()) waker()
      }, POLL_MS)
      signal.addEventListener('abort', end, { once: true })
      const subjects = [vault, ACCOUNT + account]
      for (const subject of subjects) wakers.set(subject, (wakers.get(subject) ?? new Set()).add(waker))
      waiting += 1
      return {
        ended: () => over || closed || signal.aborted,
        async next() {
          if (!woken) {
            await new Promise<void>((resolve) => {
              resume = resolve
            })
          }
          woken = false
          resume = null
        },
        leave() {
          clearTimeout(timer)
          clearInterval(poll)
          signal.removeEventListener('abort', end)
          for (const subject of subjects) {
            const set = wakers.get(subject)
            set?.delete(waker)
            if (set?.size === 0) wakers.delete(subject)
          }
          waiting -= 1
          const left = (perAccount.get(account) ?? 1) - 1
          if (left === 0) perAccount.delete(account)
          else perAccount.set(account, left)
        },
      }
    },
    moved(vaultId) {
      wake(hex(vaultId))
      tell(hex(vaultId))
    },
    waiting: () => waiting,
    close() {
      closed = true
      stopListening()
      wake(null)
    },
  }
}

/**
 * The head of a vault as soon as it is another than `after`, or what it is when the wait ends.
 *
 * @throws ServerError `not_found` for who is no member, or no longer; `session_expired` and `account_disabled` as soon as
 *   the session has ended; `too_many_requests`
 */
export async function awaitHead(
  deps: { database: Database; clock: Clock; heads: HeadWatch },
  { vaultId, session }: { vaultId: Uint8Array; session: Session },
  after: number,
  signal: AbortSignal,
): Promise<Head> {
  const reader = { vaultId, accountId: session.accountId }
  const now = await readHead(deps, reader)
  if (now.seq !== after) return now
  const waiter = deps.heads.enter(reader, signal)
  try {
    for (;;) {
      // Looked at after entering, so that nothing falls between look and wait.
      await requireLiving(deps, session)
      const head = await readHead(deps, reader)
      if (head.seq !== after || waiter.ended()) return head
      await waiter.next()
    }
  } finally {
    waiter.leave()
  }
}
