import type { Notes } from './check.ts'

/** S3 refuses signatures that differ by fifteen minutes; codes of a second factor fail long before. */
const WARN_MS = 30_000
const FAIL_MS = 5 * 60_000
const ANSWER_MS = 10_000

/** A clock that was read: what it shows, and when this machine's clock showed what. */
export interface OtherClock {
  readonly name: string
  readonly theirMs: number
  readonly ownMs: number
}

/** The clock of an HTTP service, from the Date of whatever it answers; null where it has none. */
export async function readHttpClock(name: string, url: string): Promise<OtherClock | null> {
  try {
    // Not HEAD: some stores close the connection instead of answering it.
    const answer = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(ANSWER_MS) })
    await answer.body?.cancel()
    const theirMs = Date.parse(answer.headers.get('date') ?? '')
    return Number.isNaN(theirMs) ? null : { name, theirMs, ownMs: Date.now() }
  } catch {
    return null
  }
}

/** This machine's clock against others. */
export function checkClocks(clocks: readonly OtherClock[], notes: Notes): void {
  for (const { name, theirMs, ownMs } of clocks) {
    const seconds = Math.round((ownMs - theirMs) / 1000)
    const found = `this machine is ${Math.abs(seconds)} s ${seconds < 0 ? 'behind' : 'ahead of'} the clock of ${name}`
    const mend = 'let both follow a time server (timedatectl set-ntp true, or chrony)'
    if (Math.abs(ownMs - theirMs) >= FAIL_MS) {
      notes.fail('clock', `${found}: signed addresses and codes of the second factor are refused`, mend)
    } else if (Math.abs(ownMs - theirMs) >= WARN_MS) notes.warn('clock', found, mend)
    else notes.ok('clock', `this machine agrees with the clock of ${name}`)
  }
}
