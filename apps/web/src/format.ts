const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

// Reason: making one takes longer than drawing the row that needs it.
const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 })
const tenths = new Intl.NumberFormat(undefined, { minimumFractionDigits: 1, maximumFractionDigits: 1 })

/** Bytes for people: `0 B`, `1.2 MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit += 1
  }
  const format = unit === 0 || value >= 99.95 ? whole : tenths
  return `${format.format(value)} ${UNITS[unit]}`
}

const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' })
const dayOfYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' })
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

/** Short: the time today, the day this year, else with the year. */
export function formatTime(timeMs: number, nowMs: number = Date.now()): string {
  const time = new Date(timeMs)
  const now = new Date(nowMs)
  if (time.toDateString() === now.toDateString()) return clock.format(time)
  return (time.getFullYear() === now.getFullYear() ? dayOfYear : day).format(time)
}

export function formatFullTime(timeMs: number): string {
  return full.format(timeMs)
}

/** Seconds for people: `12 s`, `3 min`, `2 h`. */
export function formatDuration(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`
  return `${Math.round(seconds / 3600)} h`
}

const MARK = '\ufffd'

/** What turns or hides text: marks of direction that reach beyond a word, and characters that show nothing. */
const TRICKS = /[\p{Cc}\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu

/** Blanks, and letters of several scripts that look like one. */
const BLANK = /[\p{White_Space}\u115f\u1160\u2800\u3164\uffa0]/gu

/** A name as it may be shown: what would make it look like another one, or like none, shows as a mark; as long as before. */
export function shownName(name: string): string {
  const shown = name.replaceAll(TRICKS, MARK)
  const marked = shown.replaceAll(BLANK, MARK)
  return marked === MARK.repeat(name.length) ? marked : shown
}
