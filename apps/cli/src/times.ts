import { UsageError } from './failure.ts'

const AGE_UNITS: Readonly<Record<string, number>> = {
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
}

/** ISO 8601, or null for a time that no calendar holds. */
export function isoTime(timeMs: number): string | null {
  const date = new Date(timeMs)
  return Number.isNaN(date.getTime()) ? null : date.toISOString()
}

/** `2024-02-29 13:05:00`, in UTC; `-` for a time that no calendar holds. */
export function shownTime(timeMs: number): string {
  return isoTime(timeMs)?.replace('T', ' ').replace(/\..*$/, '') ?? '-'
}

/**
 * A moment from a date (`2024-02-29`, `2024-02-29T13:05Z`) or an age (`90min`, `12h`, `7d`, `2w`), in milliseconds.
 *
 * @throws UsageError which names `what`
 */
export function parseMoment(text: string, what: string, nowMs: number): number {
  const age = /^(\d{1,6})(min|h|d|w)$/.exec(text)
  const unit = AGE_UNITS[age?.[2] ?? '']
  if (age !== null && unit !== undefined) return nowMs - Number(age[1]) * unit
  const time = /^-?\d{4,6}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:\d{2})?)?$/.test(text) ? Date.parse(text) : Number.NaN
  if (!Number.isNaN(time)) return time
  throw new UsageError(`${what} takes a date such as 2024-02-29 or an age such as 90min, 12h, 7d or 2w.`)
}
