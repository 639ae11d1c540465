import { UsageError } from './failure.ts'

const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  t: 1e12,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
  ti: 2 ** 40,
}

/**
 * Bytes per second from `500k`, `2M`, `1.5MiB`, `1MB/s`: k, M, G are powers of 1,000, Ki, Mi, Gi of 1,024.
 *
 * @throws UsageError when it is no such number, or less than 1 byte per second
 */
export function parseRate(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]i?)?b?(?:\/s)?$/i.exec(text.trim())
  const factor = FACTORS[(match?.[2] ?? '').toLowerCase()]
  const rate = match && factor ? Math.floor(Number(match[1]) * factor) : Number.NaN
  if (!Number.isSafeInteger(rate) || rate < 1) {
    throw new UsageError(`The rate must be bytes per second, such as 500k, 2M or 1.5MiB.`)
  }
  return rate
}

/**
 * Bytes from `100`, `500k`, `2M`, `1.5MiB`: k, M, G are powers of 1,000, Ki, Mi, Gi of 1,024.
 *
 * @throws UsageError which names `what`
 */
export function parseSize(text: string, what: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]i?)?b?$/i.exec(text.trim())
  const factor = FACTORS[(match?.[2] ?? '').toLowerCase()]
  const size = match && factor ? Math.floor(Number(match[1]) * factor) : Number.NaN
  if (!Number.isSafeInteger(size)) throw new UsageError(`${what} must be bytes, such as 100, 500k, 2M or 1.5MiB.`)
  return size
}

/**
 * A whole number within bounds, in decimal digits.
 *
 * @throws UsageError which names `what`
 */
export function parseWhole(text: string, what: string, min: number, max: number = Number.MAX_SAFE_INTEGER): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    const bounds = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
    throw new UsageError(`${what} must be a whole number ${bounds}.`)
  }
  return value
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

/** A size for people: `0 B`, `999 B`, `1.5 MB`; powers of 1,000. */
export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit += 1
  }
  const digits = unit > 0 && value < 99.95 ? 1 : 0
  return `${value.toFixed(digits)} ${UNITS[unit]}`
}

/** A time span for people: `8 s`, `3 min 20 s`, `2 h 5 min`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–'
  const whole = Math.max(0, Math.round(seconds))
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}

/** `1 file`, `2 files`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
