import type { Browser, Page } from 'playwright-core'

/** What a trace of Chromium says of one task. */
interface TraceEvent {
  readonly name: string
  readonly pid: number
  readonly tid: number
  /** Microseconds by the clock. */
  readonly dur?: number
  /** Microseconds of the processor. */
  readonly tdur?: number
}

export interface Tasks {
  /** Milliseconds of the processor that the main thread spent on each task of more than `limitMs`, longest first. */
  readonly busy: number[]
  /** The same by the clock, in which others may have had the processor. */
  readonly clock: number[]
}

const MARK = 'this page'

/** Runs `act` and tells which tasks of a page's main thread were long, not of other pages or frames. Chromium only. */
export async function longTasks(page: Page, limitMs: number, act: () => Promise<void>): Promise<Tasks> {
  const browser = page.context().browser() as Browser
  await browser.startTracing(page, { categories: ['toplevel', 'blink.user_timing'] })
  await page.evaluate((mark) => performance.mark(mark), MARK)
  let trace: Buffer
  try {
    await act()
  } finally {
    trace = await browser.stopTracing()
  }
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: TraceEvent[] }
  const own = traceEvents.find(({ name }) => name === MARK)
  const tasks = traceEvents.filter(
    ({ name, pid, tid }) => /RunTask$/.test(name) && pid === own?.pid && tid === own?.tid,
  )
  if (tasks.length === 0) throw new Error('The trace shows no task.')
  const longer = (times: readonly (number | undefined)[]): number[] =>
    times
      .map((time) => Math.round((time ?? 0) / 1_000))
      .filter((time) => time > limitMs)
      .sort((a, b) => b - a)
  return { busy: longer(tasks.map(({ tdur }) => tdur)), clock: longer(tasks.map(({ dur }) => dur)) }
}
