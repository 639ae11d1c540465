import { expect } from 'vitest'
import { type CliResult, runCli } from '../../../dev-env/cli.ts'

/** Whoever runs a server: `strongroom admin` with the server's settings. */
export interface Operator {
  run(parameters: readonly string[], env?: Record<string, string>): Promise<CliResult>
  /** What is printed on stdout, without the line end. @throws Error unless the exit code is 0 */
  ok(...parameters: string[]): Promise<string>
  json<T>(...parameters: string[]): Promise<T>
}

export function operator(settings: Record<string, string>): Operator {
  // Reason: an operator has no account; nothing may be read from a profile, or asked of a server by HTTP.
  const nowhere = { home: '/nonexistent-strongroom-home', server: 'http://127.0.0.1:9' }
  const run: Operator['run'] = (parameters, env = {}) =>
    runCli(['admin', ...parameters], { ...nowhere, env: { ...settings, ...env } })
  const ok: Operator['ok'] = async (...parameters) => {
    const result = await run(parameters)
    expect(result.code, result.stderr).toBe(0)
    return result.stdout.toString().trim()
  }
  return {
    run,
    ok,
    json: async <T>(...parameters: string[]) => JSON.parse(await ok(...parameters, '--json')) as T,
  }
}

export interface UserEntry {
  account: string
  usedBytes: number
  quotaBytes: number
  defaultQuota: boolean
  sessions: number
  disabled: string | null
  secondFactor: boolean
}

export interface UserPage {
  accounts: UserEntry[]
  next: string | null
}
