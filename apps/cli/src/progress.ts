import type { ProgressEvent } from '@strongroom/client'
import { type Options, Presets, SingleBar } from 'cli-progress'
import { formatBytes, formatDuration } from './quantity.ts'
import { terminalText } from './terminal-text.ts'

/** Progress of one command over all its calls. */
export interface Progress {
  /** Takes the SDK's events of one call; the bytes of several calls add up. */
  newCall(): (event: ProgressEvent) => void
  /** The bytes of the whole command, once they are known. */
  expect(totalBytes: number): void
  stop(): void
}

const SILENT: Progress = { newCall: () => () => {}, expect: () => {}, stop: () => {} }

/** What the bar shows. */
export interface ProgressState {
  readonly done: number
  /** Null while unknown. */
  readonly total: number | null
  readonly bytesPerSecond: number
  /** As it came, maybe unsafe. */
  readonly name: string
}

const BAR_CELLS = 24

/** One line of at most `width` characters: bar, share, amounts, rate, time left, name. */
export function progressLine(state: ProgressState, width: number): string {
  const { done, total, bytesPerSecond } = state
  const rate = `${formatBytes(bytesPerSecond)}/s`
  const name = terminalText(state.name)
  const parts: string[] = []
  if (total === null) parts.push(formatBytes(done), rate)
  else {
    const share = total === 0 ? 1 : Math.min(1, done / total)
    const filled = Math.round(share * BAR_CELLS)
    const left = bytesPerSecond > 0 ? formatDuration((total - done) / bytesPerSecond) : '–'
    parts.push(`${'█'.repeat(filled)}${'░'.repeat(BAR_CELLS - filled)} ${Math.floor(share * 100)} %`)
    parts.push(`${formatBytes(done)} of ${formatBytes(total)}, ${rate}, ${left} left`)
  }
  if (name !== '') parts.push(name)
  return [...parts.join('  ')].slice(0, width).join('')
}

/** A bar with rate and time left on stderr, or nothing when it is not a terminal. */
export function createProgress(interactive: boolean): Progress {
  if (!interactive) return SILENT
  const calls: { bytes: number; total: number | null }[] = []
  const rate = recentRate()
  let expected: number | null = null
  let name = ''
  let started = false
  const sum = (): { done: number; total: number | null } => {
    const done = calls.reduce((bytes, call) => bytes + call.bytes, 0)
    const totals = calls.map((call) => call.total)
    const told = totals.every((total) => total !== null) ? totals.reduce((all, total) => all + total, 0) : null
    const total = expected ?? told
    // A file that grows while it is read: the bar never runs past its end.
    return { done, total: total === null ? null : Math.max(total, done) }
  }
  const options: Options = {
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
    // Reason: Ctrl-C is handled once, by the program, which also stops the bar.
    gracefulExit: false,
    fps: 8,
    format: () =>
      progressLine({ ...sum(), bytesPerSecond: rate.value(), name }, Math.max(20, (process.stderr.columns || 80) - 1)),
  }
  const bar = new SingleBar(options, Presets.shades_classic)
  const draw = (): void => {
    const { done, total } = sum()
    if (!started) bar.start(Math.max(1, total ?? 1), done)
    started = true
    bar.setTotal(Math.max(1, total ?? done + 1))
    bar.update(done)
  }
  return {
    newCall() {
      const call: { bytes: number; total: number | null } = { bytes: 0, total: 0 }
      calls.push(call)
      return (event) => {
        if (event.type === 'item') {
          name = event.path
          return
        }
        rate.add(event.bytes - call.bytes)
        call.bytes = event.bytes
        call.total = event.totalBytes
        draw()
      }
    },
    expect(totalBytes) {
      expected = totalBytes
      if (started) draw()
    },
    stop() {
      if (started) bar.stop()
    },
  }
}

const WINDOW_MS = 5000
const WINDOW_SAMPLES = 4

/** Bytes per second of late: over the last five seconds, or four reports where those come slower. */
function recentRate(): { add(bytes: number): void; value(): number } {
  let total = 0
  const samples = [{ timeMs: Date.now(), total }]
  return {
    add(bytes) {
      const timeMs = Date.now()
      total += bytes
      samples.push({ timeMs, total })
      while (samples.length > WINDOW_SAMPLES && (samples[1]?.timeMs ?? timeMs) < timeMs - WINDOW_MS) samples.shift()
    },
    value() {
      const first = samples[0]
      if (first === undefined) return 0
      return Math.max(0, ((total - first.total) / Math.max(250, Date.now() - first.timeMs)) * 1000)
    },
  }
}
