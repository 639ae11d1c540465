import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import pg from 'pg'
import type { Signals } from '../ports/index.ts'
import type { Database } from './tables.ts'

const CHANNEL = 'strongroom_signals'
/** PostgreSQL takes at most 8,000 bytes at once. */
const PAYLOAD_BYTES = 7_000
const BEAT_MS = 30_000
const ECHO_MS = 5_000
const RETRY_MS = 1_000
const PING = 'ping-'

/**
 * LISTEN and NOTIFY: one connection of its own for each server, opened anew when it breaks.
 *
 * Whether messages arrive is tried out every half minute, because a connection may be dead without saying so, and
 * because poolers exist that take LISTEN and deliver nothing. Messages go out by the pool, outside of the transactions
 * that they tell of: PostgreSQL lets transactions that notify commit only one after the other.
 */
export function openSignals(database: Database, connection: pg.ClientConfig): Signals {
  const ears = new Set<(message: string | null) => void>()
  const echoes = new Map<string, () => void>()
  let client: pg.Client | null = null
  let connected = false
  let closed = false
  let wakeUp: (() => void) | null = null

  const hear = (payload: string): void => {
    for (const message of payload.split(' ')) {
      if (message.startsWith(PING)) echoes.get(message)?.()
      else for (const ear of ears) ear(message)
    }
  }

  const drop = (broken: pg.Client): void => {
    if (client !== broken) return
    client = null
    connected = false
    wakeUp?.()
  }

  const connect = async (): Promise<pg.Client | null> => {
    const candidate = new pg.Client({
      ...connection,
      keepAlive: true,
      connectionTimeoutMillis: ECHO_MS,
      application_name: 'strongroom-signals',
    })
    candidate.on('error', () => drop(candidate))
    candidate.on('end', () => drop(candidate))
    candidate.on('notification', ({ payload }) => hear(payload ?? ''))
    try {
      await candidate.connect()
      await candidate.query(`LISTEN ${CHANNEL}`)
      return candidate
    } catch {
      await candidate.end().catch(() => undefined)
      return null
    }
  }

  /** Resolves after `ms`, or as soon as `wakeUp` is called. */
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      timer.unref()
      wakeUp = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  const notify = async (payload: string): Promise<boolean> => {
    try {
      await sql`SELECT pg_notify(${CHANNEL}, ${payload})`.execute(database)
      return true
    } catch {
      return false
    }
  }

  const echoArrives = async (): Promise<boolean> => {
    const ping = PING + randomBytes(8).toString('hex')
    const arrived = new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), ECHO_MS)
      timer.unref()
      echoes.set(ping, () => {
        clearTimeout(timer)
        resolve(true)
      })
    })
    const sent = await notify(ping)
    const heard = sent && (await arrived)
    echoes.delete(ping)
    return heard
  }

  const keepConnected = async (): Promise<void> => {
    while (!closed) {
      client ??= await connect()
      const current = client
      const alive = current !== null && (await echoArrives()) && client === current
      if (alive && !connected) {
        connected = true
        for (const ear of ears) ear(null)
      }
      if (!alive) {
        connected = false
        client = null
        await current?.end().catch(() => undefined)
      }
      if (!closed) await pause(alive ? BEAT_MS : RETRY_MS)
    }
    await client?.end().catch(() => undefined)
  }
  const running = keepConnected()

  return {
    async send(messages) {
      let payload = ''
      for (const message of messages) {
        if (payload.length + message.length >= PAYLOAD_BYTES) {
          await notify(payload)
          payload = ''
        }
        payload += payload === '' ? message : ` ${message}`
      }
      if (payload !== '') await notify(payload)
    },
    listen(ear) {
      ears.add(ear)
      return () => ears.delete(ear)
    },
    connected: () => connected,
    async close() {
      closed = true
      wakeUp?.()
      for (const echo of echoes.values()) echo()
      await running
    },
  }
}
