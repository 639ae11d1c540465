import { readdirSync, readFileSync } from 'node:fs'
import type { BrowserContext } from 'playwright-core'

/** Resident memory of each kind of process of the browsers that this process has started, in MiB; empty off Linux. */
export function browserMemory(): Record<string, number> {
  const parents = new Map<number, number>()
  for (const name of listed('/proc')) {
    const fields = /^\d+ \(.*\) \S+ (\d+)/s.exec(text(`/proc/${name}/stat`))
    if (fields !== null) parents.set(Number(name), Number(fields[1]))
  }
  const sums: Record<string, number> = {}
  for (const pid of parents.keys()) {
    const command = text(`/proc/${pid}/cmdline`)
    if (!/chrom/.test(command) || !isOurs(pid, parents)) continue
    const kind = /--type=([a-z-]+)/.exec(command)?.[1] ?? 'browser'
    const resident = Number(/^VmRSS:\s+(\d+)/m.exec(text(`/proc/${pid}/status`))?.[1] ?? 0)
    sums[kind] = (sums[kind] ?? 0) + Math.round(resident / 1024)
  }
  return sums
}

function isOurs(pid: number, parents: ReadonlyMap<number, number>): boolean {
  for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at)) {
    if (at === process.pid) return true
  }
  return false
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^\d+$/.test(name))
  } catch {
    return []
  }
}

/** Empty for a process that has ended. */
function text(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** Notes the most that each kind of process takes, until `stop` gives it. */
export function watchMemory(everyMs = 1_000): { stop(): Record<string, number> } {
  const most: Record<string, number> = {}
  const look = (): void => {
    for (const [kind, size] of Object.entries(browserMemory())) most[kind] = Math.max(most[kind] ?? 0, size)
  }
  const timer = setInterval(look, everyMs)
  look()
  return {
    stop() {
      clearInterval(timer)
      return most
    },
  }
}

/** Bytes of the Blobs that a Chromium keeps, for whatever page or worker. */
export async function keptBlobBytes(context: BrowserContext): Promise<number> {
  const page = await context.newPage()
  try {
    await page.goto('chrome://blob-internals')
    const shown = await page.evaluate(() => document.body.textContent ?? '')
    const lengths = [...shown.matchAll(/Type:\s*data\s+Length:\s*([\d,]+)/g)]
    return lengths.reduce((sum, [, length]) => sum + Number((length ?? '').replaceAll(',', '')), 0)
  } finally {
    await page.close()
  }
}
