import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'

/** Runs one statement in the embedded database of a running server. */
export async function query(dataDir: string, sql: string): Promise<unknown[]> {
  const host = path.join(dataDir, 'postgres/socket')
  const client = new pg.Client({ host, port: 5432, user: 'strongroom', database: 'strongroom' })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

/** Process id of the PostgreSQL that runs on a data folder. */
export function postmasterPid(dataDir: string): number {
  const text = readFileSync(path.join(dataDir, 'postgres/cluster/postmaster.pid'), 'utf8')
  return Number(text.split('\n')[0])
}

/** Whether the process runs: one that has ended and only waits to be collected by its parent does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return process.platform !== 'linux' || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

/** Milliseconds until the process is gone. */
export async function untilGone(pid: number, limitMs = 10_000): Promise<number> {
  const startMs = Date.now()
  while (isAlive(pid)) {
    if (Date.now() - startMs > limitMs) throw new Error(`process ${pid} is still there`)
    await delay(10)
  }
  return Date.now() - startMs
}

/** Direct and indirect children of a process (Linux). */
export function descendants(pid: number): number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
    } catch {
      // The process ended between listing and reading.
    }
  }
  const found = [pid]
  for (const parent of found) for (const [child, of] of parents) if (of === parent) found.push(child)
  return found.slice(1)
}
