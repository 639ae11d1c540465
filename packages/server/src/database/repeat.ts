import { setTimeout as delay } from 'node:timers/promises'
import type { Database, DatabaseTransaction } from './tables.ts'

const ATTEMPTS = 6
const FIRST_MS = 10
/** Serialization failure and deadlock: PostgreSQL has undone the transaction, and asks for it to be done again. */
const UNDONE = new Set(['40001', '40P01'])
/** Connection lost, or closed by a server that stops. */
const LOST = new Set(['08000', '08003', '08006', '57P01', '57P02', '57P03', 'ECONNRESET', 'EPIPE'])
const LOST_MESSAGES = new Set([
  'Connection terminated',
  'Connection terminated unexpectedly',
  'Client has encountered a connection error and is not queryable',
])

/**
 * Makes a database begin its transactions again where they were certainly undone: by a deadlock or a serialization
 * failure, or because the connection broke before COMMIT was sent.
 *
 * Invariant: a transaction whose COMMIT was sent and not answered is never repeated here, and never taken for done;
 * whoever asked for it is refused, and asks again by an id that makes it happen once.
 * So what a transaction does must come out the same when it is begun anew.
 */
export function repeatTransactions(database: Database): Database {
  const begin = database.transaction.bind(database)
  database.transaction = () => {
    const builder = begin()
    const execute = <T>(work: (tx: DatabaseTransaction) => Promise<T>): Promise<T> => repeated(builder, work)
    // The builder binds its private fields; `execute` is all that is done differently.
    return new Proxy(builder, {
      get: (target, name) => {
        if (name === 'execute') return execute
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }
  return database
}

async function repeated<T>(
  builder: ReturnType<Database['transaction']>,
  work: (tx: DatabaseTransaction) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    let committing = false
    try {
      return await builder.execute(async (tx) => {
        const result = await work(tx)
        committing = true
        return result
      })
    } catch (error) {
      const again = wasUndone(error) || (!committing && isLost(error))
      if (!again || attempt === ATTEMPTS) throw error
    }
    const ceiling = FIRST_MS * 2 ** attempt
    await delay(ceiling / 2 + (ceiling / 2) * Math.random())
  }
}

function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined
  return typeof code === 'string' ? code : ''
}

function wasUndone(error: unknown): boolean {
  // Reason: triggers say the same of an outer key that was replaced, and a transaction knows the old one only.
  return UNDONE.has(codeOf(error)) && (error as { routine?: unknown }).routine !== 'exec_stmt_raise'
}

function isLost(error: unknown): boolean {
  return error instanceof Error && (LOST.has(codeOf(error)) || LOST_MESSAGES.has(error.message))
}
