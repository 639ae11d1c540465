import { type AuditEntry, asAccountId, auditEntryMessage, webCryptoEngine } from '@strongroom/crypto'
import { LIMITS, type ResponseOf, type ROUTES } from '@strongroom/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memoryStore } from '../platform/browser/memory-store.ts'
import type { Api, CallInput } from '../transport/api.ts'
import { type AuditContext, acceptAudit, followAudit, isAuditSetBack, passAudit, readAudit } from './audit.ts'
import { loadPins } from './pins.ts'

const engine = webCryptoEngine()
const accountId = asAccountId(new Uint8Array(16).fill(7))
const key = '07'.repeat(16)

type Row = Omit<AuditEntry, 'accountId' | 'seq'> & { hash: Uint8Array }

/** What a server has stored, honest until its rows are changed. */
class Rows {
  rows: Row[] = []

  async add(count: number, event = 'signed_in'): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      const seq = this.rows.length + 1
      const entry = { timeMs: 1000 * seq, event, count: 1, sessionId: null, deviceId: null }
      const before = this.rows.at(-1)?.hash ?? new Uint8Array(32)
      const hash = await engine.sha256(auditEntryMessage({ ...entry, accountId, seq }, before))
      this.rows.push({ ...entry, hash })
    }
  }

  answer(from: number | undefined): ResponseOf<typeof ROUTES.auditRead> {
    const first = from ?? Math.max(1, this.rows.length - LIMITS.auditPerPage + 1)
    const zeros = new Uint8Array(32)
    return {
      head: { seq: this.rows.length, hash: this.rows.at(-1)?.hash ?? zeros },
      from: first,
      previousHash: first === 1 ? zeros : (this.rows[first - 2]?.hash ?? null),
      entries: this.rows.slice(first - 1, first - 1 + LIMITS.auditPerPage).map(({ hash, ...entry }) => entry),
    }
  }
}

function device(server: Rows): AuditContext {
  const call = (name: string, input: CallInput<'auditRead'>) => {
    expect(name).toBe('auditRead')
    return Promise.resolve(server.answer(input.query?.from))
  }
  return { engine, accountId, store: memoryStore(), api: { call: call as unknown as Api['call'] } } // asks for nothing else
}

function read(context: AuditContext, sinceMs?: number) {
  return readAudit(context, { sinceMs, nameOf: () => null }, undefined)
}

const integrity = expect.objectContaining({ code: 'integrity' })

describe('the audit log on a device', () => {
  it('is pinned as it is shown at first, and followed from there', async () => {
    const server = new Rows()
    await server.add(3)
    const context = device(server)
    await followAudit(context, undefined)
    expect((await loadPins(context.store)).audits[key]?.seq).toBe(3)
    await server.add(2)
    expect((await followAudit(context, undefined)).seq).toBe(5)
  })

  it('is read whole over many pages, and in part from a moment on', async () => {
    const server = new Rows()
    await server.add(2 * LIMITS.auditPerPage + 5)
    const context = device(server)
    const all = await read(context)
    expect([all.length, all[0]?.seq, all.at(-1)?.seq]).toEqual([2005, 1, 2005])
    expect((await read(context, 2_000_000)).map((entry) => entry.seq)).toEqual([2000, 2001, 2002, 2003, 2004, 2005])
  })

  it('is followed over many pages at once', async () => {
    const server = new Rows()
    await server.add(1)
    const context = device(server)
    await followAudit(context, undefined)
    await server.add(2 * LIMITS.auditPerPage)
    expect((await followAudit(context, undefined)).seq).toBe(2 * LIMITS.auditPerPage + 1)
  })

  it('that is empty is followed too', async () => {
    const server = new Rows()
    const context = device(server)
    await followAudit(context, undefined)
    await server.add(1)
    expect((await read(context)).length).toBe(1)
  })

  it('asks nothing when the head that came along is the pinned one', async () => {
    const server = new Rows()
    await server.add(2)
    const context = device(server)
    await followAudit(context, undefined)
    const { head } = server.answer(undefined)
    const failing = { ...context, api: { call: () => Promise.reject(new Error('asked')) } }
    await passAudit(failing, head, undefined)
    await expect(passAudit(failing, { ...head, seq: 3 }, undefined)).rejects.toThrow('asked')
  })

  it('stops whatever is done to entries that were seen: edited, deleted, reordered, cut, replayed', async () => {
    const changes: Record<string, (rows: Row[], at: number) => Row[]> = {
      edited: (rows, at) => rows.map((row, index) => (index === at ? { ...row, count: row.count + 1 } : row)),
      deleted: (rows, at) => rows.filter((_, index) => index !== at),
      swapped: (rows, at) => {
        const other = (at + 1) % rows.length
        return rows.map((row, index) => rows[index === at ? other : index === other ? at : index] ?? row)
      },
      cut: (rows, at) => rows.slice(0, at),
      replayed: (rows, at) => [...rows.slice(0, at), ...rows.slice(at, at + 1), ...rows.slice(at)],
    }
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.keys(changes)),
        fc.nat({ max: 9 }),
        fc.boolean(),
        async (kind, at, more) => {
          const server = new Rows()
          await server.add(10)
          const context = device(server)
          await followAudit(context, undefined)
          server.rows = changes[kind]?.(server.rows, at) ?? []
          if (more) await server.add(3, 'signed_out')
          await expect(read(context)).rejects.toEqual(integrity)
        },
      ),
      { seed: 12, numRuns: 60 },
    )
  })

  it('stops on a log that is built anew, as long as the one before or longer', async () => {
    const server = new Rows()
    await server.add(4)
    const context = device(server)
    await followAudit(context, undefined)
    server.rows = []
    await server.add(6, 'disabled')
    await expect(followAudit(context, undefined)).rejects.toMatchObject({ details: { reason: 'audit_forked' } })
    server.rows = server.rows.slice(0, 2)
    await expect(followAudit(context, undefined)).rejects.toMatchObject({ details: { reason: 'audit_rolled_back' } })
  })

  it('stops on a server that answers other pages than it was asked for, or none', async () => {
    const server = new Rows()
    await server.add(4)
    const context = device(server)
    await followAudit(context, undefined)
    await server.add(4)
    const honest = server.answer.bind(server)
    server.answer = (from) => ({ ...honest(from), entries: [] })
    await expect(followAudit(context, undefined)).rejects.toEqual(integrity)
    server.answer = (from) => honest((from ?? 1) + 1)
    await expect(followAudit(context, undefined)).rejects.toEqual(integrity)
    server.answer = (from) => ({ ...honest(from), head: { seq: 7, hash: new Uint8Array(32) } })
    await expect(followAudit(context, undefined)).rejects.toEqual(integrity)
  })

  it('of a server that was set back is taken again once the user accepts it', async () => {
    const server = new Rows()
    await server.add(4)
    const context = device(server)
    await followAudit(context, undefined)
    server.rows = server.rows.slice(0, 2)
    await server.add(5, 'server_restored')
    expect(await isAuditSetBack(context, undefined)).toBe(true)
    await acceptAudit(context, undefined)
    expect(await isAuditSetBack(context, undefined)).toBe(false)
    expect((await read(context)).length).toBe(7)
  })
})
