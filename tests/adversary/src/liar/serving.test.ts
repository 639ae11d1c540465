import { describe, expect, it } from 'vitest'
import type { Check } from '../checks/checks.ts'
import type { Lie } from '../harness/proxy.ts'
import { attempt } from './attempt.ts'
import { DENIALS, FORMS } from './cases/denials.ts'
import { ELSEWHERE } from './cases/elsewhere.ts'
import { LOGINS } from './cases/login.ts'
import { describeLies } from './describe-lies.ts'
import { ACCOUNT, type AccountBody, INFO, isRoute, LOGIN_START, onJson } from './lies.ts'

const { world, mutants } = describeLies({
  'at login': LOGINS,
  'about where things are': ELSEWHERE,
  'by not serving': DENIALS,
  'about the form of answers': FORMS,
})

/** Weak parameters beside the key exchange. */
const weaker: Lie = {
  answer(request, answer) {
    const weak = { keyStretching: { 'argon2id-custom': { iterations: 1, memory: 8, parallelism: 1 } }, profile: 'none' }
    const lie = onJson<object>(request.method, /./, (body) => Object.assign(body, weak))
    const told = isRoute(request, 'GET', INFO) || isRoute(request, 'POST', LOGIN_START)
    return told ? (lie.answer?.(request, answer) ?? answer) : answer
  },
}

const sessions: Lie = onJson<{ sessions: Record<string, unknown>[] }>('GET', /^\/v1\/sessions$/, (body) => {
  for (const session of body.sessions) {
    Object.assign(session, { usedAtMs: Number.MAX_SAFE_INTEGER, deviceId: Buffer.alloc(16, 27).toString('base64url') })
  }
})

const usage: Lie = onJson<AccountBody>('GET', ACCOUNT, (body) => {
  Object.assign(body, { usedBytes: Number.MAX_SAFE_INTEGER, quotaBytes: 0 })
})

describe('what nothing can verify', () => {
  it.each([
    // The record was made with the compiled-in parameters: with weaker ones this login would fail.
    ['weaker parameters change nothing that is sent', ['login', 'alice'], weaker, 'compiled-in parameters'],
    ['times that no calendar holds are shown as none', ['sessions'], sessions, 'times of the calendar'],
    ['more used than there is does not confuse', ['whoami'], usage, null],
  ] satisfies [string, string[], Lie, Check | null][])('%s', async (name, command, lie, check) => {
    const device = { newDevice: command[0] === 'login' }
    const harmless = {
      ...device,
      name,
      kind: 'hostile form',
      command,
      lie: () => lie,
      without: [],
      leak: 'success',
    } as const
    const { result } = await attempt(world(), harmless, lie)
    expect([result.code, result.stderr.split('\n').length]).toEqual([0, expect.any(Number)])
    expect(result.stdout.toString()).not.toMatch(/NaN|undefined|Invalid/)
    if (check === null) return
    const { bin } = await mutants.without([check])
    expect((await attempt(world(), harmless, lie, bin)).result.code).not.toBe(0)
  })
})
