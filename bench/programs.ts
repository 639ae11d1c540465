import { spawn, spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Whether a program is installed. */
export function isInstalled(name: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

export interface ProgramOptions {
  env?: Record<string, string>
  input?: string
}

/** Runs a peer's program and throws unless it succeeds. */
export async function runProgram(
  name: string,
  parameters: readonly string[],
  options: ProgramOptions = {},
): Promise<void> {
  const child = spawn(name, parameters, {
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  let complaint = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString('utf8')
  })
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input ?? '')
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${complaint.trim()}`)
}

/** What a program prints. */
export function outputOf(name: string, parameters: readonly string[]): string {
  const result = spawnSync(name, parameters, { encoding: 'utf8' })
  if (result.status !== 0) throw new Error(`${name} ended with ${result.status}.`)
  return result.stdout
}

/** Has the system write everything that it holds back to the disks. */
export async function flushDisks(): Promise<void> {
  if (isInstalled('sync')) await runProgram('sync', [])
}
