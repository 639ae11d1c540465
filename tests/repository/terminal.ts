import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'

const SCRIPT = '/usr/bin/script'

/** Whether commands can be run on a pseudo terminal here (util-linux's `script`). */
export const hasTerminal = process.platform === 'linux' && existsSync(SCRIPT)

export interface TerminalOptions {
  cwd: string
  env: NodeJS.ProcessEnv
  /** What a person types when the text shows up; each is used once, in order. */
  dialogue: { after: RegExp; type: (match: RegExpExecArray) => string }[]
  limitMs: number
}

/** Runs a bash script on a pseudo terminal as a person would, and gives what the screen got. */
export async function runOnTerminal(file: string, options: TerminalOptions): Promise<string> {
  const child = spawn(SCRIPT, ['-qec', `bash --noprofile --norc '${file}'`, '/dev/null'], {
    cwd: options.cwd,
    env: { ...options.env, TERM: 'xterm', COLUMNS: '120' },
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  })
  const timer = setTimeout(() => endGroup(child), options.limitMs)
  const dialogue = [...options.dialogue]
  let screen = ''
  let read = 0
  child.stdin.on('error', () => undefined)
  child.stdout.on('data', (chunk: Buffer) => {
    screen += chunk.toString('utf8')
    for (;;) {
      const next = dialogue[0]
      const match = next?.after.exec(screen.slice(read)) ?? null
      if (next === undefined || match === null) return
      read += match.index + match[0].length
      dialogue.shift()
      child.stdin.write(next.type(match))
    }
  })
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', () => resolve())
  })
  clearTimeout(timer)
  return screen
}

/** Ends a process that leads a group, with all that it started. */
export function endGroup(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // Reason: the group has ended already.
  }
}
