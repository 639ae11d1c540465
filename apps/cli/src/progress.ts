import type { ProgressEvent } from '@strongroom/client'
import { Presets, SingleBar } from 'cli-progress'
import { formatBytes, formatDuration } from './quantity.ts'
import { terminalText } from './terminal-text.ts'

/** Progress of one command over all its files. */
export interface Progress {
  /** Takes the SDK's events of one call. */
  handle(event: ProgressEvent): void
  stop(): void
}

const SILENT: Progress = { handle: () => {}, stop: () => {} }

/** A bar with rate and time left on stderr, or nothing when it is not a terminal. */
export function createProgress(interactive: boolean): Progress {
  if (!interactive) return SILENT
  let total = 0
  let done = 0
  let name = ''
  let started = false
  const rate = recentRate()
  const bar = new SingleBar(
    {
      stream: process.stderr,
      hideCursor: true,
      clearOnComplete: true,
      // Reason: Ctrl-C is handled once, by the program, which also stops the bar.
      gracefulExit: false,
      fps: 8,
      barsize: 24,
      format: (options, params) => {
        const filled = Math.round(params.progress * (options.barsize ?? 24))
        const cells = '█'.repeat(filled) + '░'.repeat((options.barsize ?? 24) - filled)
        const bytesPerSecond = rate.value()
        const left = bytesPerSecond > 0 ? formatDuration((total - done) / bytesPerSecond) : '–'
        const amounts = `${formatBytes(done)} of ${formatBytes(total)}, ${formatBytes(bytesPerSecond)}/s, ${left} left`
        const line = `${cells} ${Math.floor(params.progress * 100)} %  ${amounts}  ${name}`
        return [...line].slice(0, Math.max(20, (process.stderr.columns || 80) - 1)).join('')
      },
    },
    Presets.shades_classic,
  )
  return {
    handle(event) {
      if (event.type === 'item') {
        name = terminalText(event.path)
        return
      }
      rate.add(event.bytes - done)
      done = event.bytes
      // A file that grows, or a source of unknown length: the bar never runs past its end.
      total = Math.max(event.totalBytes ?? 0, done)
      if (!started) {
        started = true
        bar.start(Math.max(1, total), done)
      } else {
        bar.setTotal(Math.max(1, total))
        bar.update(done)
      }
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
  const first = (): { timeMs: number; total: number } => samples[0] ?? { timeMs: Date.now(), total }
  return {
    add(bytes) {
      const timeMs = Date.now()
      total += bytes
      samples.push({ timeMs, total })
      while (samples.length > WINDOW_SAMPLES && (samples[1]?.timeMs ?? timeMs) < timeMs - WINDOW_MS) samples.shift()
    },
    value() {
      const { timeMs, total: before } = first()
      return Math.max(0, ((total - before) / Math.max(250, Date.now() - timeMs)) * 1000)
    },
  }
}
