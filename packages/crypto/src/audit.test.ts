import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AuditEntry, auditEntryMessage } from './audit.ts'
import { fromHex, toHex } from './encoding.ts'

interface Vectors {
  account: string
  entries: {
    seq: number
    time: number
    event: string
    count: number
    session: string | null
    device: string | null
    message: string
    hash: string
  }[]
  refusedEvents: string[]
}

const vectors: Vectors = JSON.parse(readFileSync(new URL('../../../spec/vectors/audit.json', import.meta.url), 'utf8'))
const zeros = new Uint8Array(32)
const id = fc.uint8Array({ minLength: 16, maxLength: 16 })
const entry: fc.Arbitrary<AuditEntry> = fc.record({
  accountId: id,
  seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  timeMs: fc.maxSafeInteger(),
  event: fc.stringMatching(/^[a-z][a-z0-9_]{0,39}$/),
  count: fc.integer({ min: 1, max: 0xffffffff }),
  sessionId: fc.option(id),
  deviceId: fc.option(id),
})

describe('audit entries', () => {
  it('are hashed as the vectors say', () => {
    let before: Uint8Array = zeros
    for (const { seq, time, event, count, session, device, message, hash } of vectors.entries) {
      const accountId = fromHex(vectors.account)
      const [sessionId, deviceId] = [session, device].map((hex) => (hex === null ? null : fromHex(hex)))
      const bytes = auditEntryMessage(
        { accountId, seq, timeMs: time, event, count, sessionId: sessionId ?? null, deviceId: deviceId ?? null },
        before,
      )
      expect(toHex(bytes)).toBe(message)
      before = fromHex(hash)
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(hash)
    }
  })

  it.each(vectors.refusedEvents)('refuse %j as a code', (event) => {
    const known = { accountId: new Uint8Array(16), seq: 1, timeMs: 0, count: 1, sessionId: null, deviceId: null }
    expect(() => auditEntryMessage({ ...known, event }, zeros)).toThrow(expect.objectContaining({ code: 'malformed' }))
  })

  it('have different bytes unless all their fields are the same', () => {
    fc.assert(
      fc.property(entry, entry, (one, other) => {
        const whole: AuditEntry = { ...one, ...other }
        for (const key of Object.keys(one) as (keyof AuditEntry)[]) {
          const changed = { ...one, [key]: whole[key] }
          const same = toHex(auditEntryMessage(changed, zeros)) === toHex(auditEntryMessage(one, zeros))
          expect(same).toBe(text(changed) === text(one))
        }
      }),
      { seed: 7, numRuns: 200 },
    )
  })
})

/** No id is as good as zeros, which are never drawn. */
function text(value: AuditEntry): string {
  return JSON.stringify(
    Object.values(value).map((part) => (part instanceof Uint8Array ? toHex(part) : (part ?? '00'.repeat(16)))),
  )
}
