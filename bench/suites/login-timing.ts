import { randomBytes } from 'node:crypto'
import { client, ready } from '@serenity-kit/opaque'
import { ask } from '../../packages/server/src/testing/api.ts'
import { registerAccount, startLogin } from '../../packages/server/src/testing/test-account.ts'
import { createTestServer, type TestServer } from '../../packages/server/src/testing/test-server.ts'
import { setup } from '../../tests/dev-env/global-setup.ts'
import { type Row, timed } from '../measure.ts'
import type { Suite } from './suite.ts'

const MINUTE_MS = 60_000
/** Tries of one name before its rate limit would answer instead. */
const PER_NAME = 8
const QUANTILES = [0.1, 0.5, 0.9, 0.99]

type Who = 'known' | 'unknown'

interface Step {
  readonly task: string
  /** Milliseconds that the answer to one request takes. */
  measure(server: TestServer, login: string): Promise<number>
}

const STEPS: readonly Step[] = [
  {
    task: 'login, first message',
    async measure(server, login) {
      const request = client.startLogin({ password: 'wrong' }).startLoginRequest
      return timed(() => ask(server.app, 'loginStart', { body: { login, request } }))
    },
  },
  {
    task: 'login, a wrong third message',
    async measure(server, login) {
      const { loginId } = await startLogin(server, login, 'wrong')
      const body = { loginId, request: randomBytes(64).toString('base64url') }
      return timed(() => ask(server.app, 'loginFinish', { body }))
    },
  },
  {
    task: 'recovery with a wrong key',
    async measure(server, login) {
      const body = { login, auth: new Uint8Array(randomBytes(32)) }
      return timed(() => ask(server.app, 'recoveryOpen', { body }))
    },
  },
]

/**
 * Asks for a known and an unknown login name in random order, without a network, so that a difference has nothing to hide
 * behind. The server's clock jumps past the rate limits of a name.
 */
async function samplesOf(server: TestServer, step: Step, logins: Record<Who, string>, count: number) {
  const samples: Record<Who, number[]> = { known: [], unknown: [] }
  for (let done = 0; done < count; done += 1) {
    if (done % PER_NAME === 0) server.clock.advance(2 * MINUTE_MS)
    const order: Who[] = (randomBytes(1)[0] ?? 0) < 128 ? ['known', 'unknown'] : ['unknown', 'known']
    for (const who of order) samples[who].push(await step.measure(server, logins[who]))
  }
  return samples
}

function quantile(sorted: readonly number[], at: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * at))] ?? 0
}

/** Largest distance between two distributions (Kolmogorov and Smirnov), and what chance alone makes in one of 1,000. */
function distance(left: readonly number[], right: readonly number[]): { most: number; chance: number } {
  const merged = [
    ...left.map((value) => ({ value, step: 1 / left.length })),
    ...right.map((value) => ({ value, step: -1 / right.length })),
  ]
  let sum = 0
  let most = 0
  for (const { step } of merged.sort((a, b) => a.value - b.value)) {
    sum += step
    most = Math.max(most, Math.abs(sum))
  }
  return { most, chance: 1.95 * Math.sqrt((left.length + right.length) / (left.length * right.length)) }
}

export const loginTiming: Suite = {
  title: 'Known and unknown accounts',
  async run({ full, quick }) {
    await ready
    const stop = await setup()
    const server = await createTestServer({ attemptsPerMinute: 1_000_000 })
    const rows: Row[] = []
    try {
      const logins = { known: (await registerAccount(server)).login, unknown: 'nobody-here' }
      for (const step of STEPS) {
        await samplesOf(server, step, logins, 100)
        const count = full ? 10_000 : quick ? 100 : 2000
        const samples = await samplesOf(server, step, logins, count)
        const sorted = (who: Who): number[] => samples[who].sort((a, b) => a - b)
        const [known, unknown] = [sorted('known'), sorted('unknown')]
        for (const at of QUANTILES) {
          const task = `${step.task}: quantile ${at} of ${known.length}`
          rows.push({ task, by: 'known', unit: 'ms', samples: [quantile(known, at)] })
          rows.push({ task, by: 'unknown', unit: 'ms', samples: [quantile(unknown, at)] })
        }
        const { most, chance } = distance(known, unknown)
        const task = `${step.task}: largest distance (chance alone: up to ${(chance * 100).toFixed(1)} %)`
        rows.push({ task, by: 'known, unknown', unit: '%', samples: [most * 100] })
      }
    } finally {
      await server.close()
      await stop()
    }
    return rows
  },
}
