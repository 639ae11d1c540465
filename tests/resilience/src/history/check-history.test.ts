import { describe, expect, it } from 'vitest'
import { type FinalLog, historyViolations } from './check-history.ts'
import { emptyHistory, type History, type SentCommit } from './history.ts'

const hash = (seq: number): string => seq.toString(16).padStart(64, 'f')

function logOf(length: number): FinalLog {
  const commits = Array.from({ length }, (_, seq) => ({
    seq,
    hash: hash(seq),
    prev: seq === 0 ? '0'.repeat(64) : hash(seq - 1),
    changeId: `change ${seq}`,
  }))
  return { vault: 'v', head: { seq: length - 1, hash: hash(length - 1) }, commits }
}

/** Sent and answered one after the other, ten milliseconds each. */
function commit(seq: number, change: Partial<SentCommit> = {}): SentCommit {
  return { vault: 'v', seq, hash: hash(seq), by: 'a', sentMs: seq * 10, acknowledgedMs: seq * 10 + 5, ...change }
}

function historyOf(part: Partial<History>): History {
  return { ...emptyHistory(), ...part }
}

describe('historyViolations', () => {
  it('says nothing about a log that holds all in order', () => {
    const heads = [{ vault: 'v', seq: 1, by: 'a', askedMs: 16 }]
    const unknown = { ...commit(3), hash: 'lost on its way', acknowledgedMs: null }
    expect(historyViolations(historyOf({ sent: [commit(1), commit(2), unknown], heads }), [logOf(3)])).toEqual([])
  })

  it('finds an acknowledged commit that is not there', () => {
    expect(historyViolations(historyOf({ sent: [commit(3)] }), [logOf(3)])).toEqual([
      expect.stringContaining('an acknowledged commit is lost'),
    ])
  })

  it('finds an order that the clock contradicts', () => {
    const sent = [commit(1, { sentMs: 40, acknowledgedMs: 45 }), commit(2, { sentMs: 10, acknowledgedMs: 15 })]
    expect(historyViolations(historyOf({ sent }), [logOf(3)])).toEqual([
      expect.stringContaining('was answered before an earlier one was sent'),
    ])
  })

  it('takes a repeated commit as sent when it was sent first, and answered when it was answered first', () => {
    const sent = [commit(1, { acknowledgedMs: null }), commit(2), commit(1, { sentMs: 90, acknowledgedMs: 95 })]
    expect(historyViolations(historyOf({ sent }), [logOf(3)])).toEqual([])
  })

  it('finds a head that is older than what was acknowledged', () => {
    const heads = [{ vault: 'v', seq: 1, by: 'b', askedMs: 30 }]
    expect(historyViolations(historyOf({ sent: [commit(1), commit(2)], heads }), [logOf(3)])).toEqual([
      'b was told head 1 after 2 was acknowledged',
    ])
  })

  it('finds a broken chain, a gap, a change twice and a wrong head', () => {
    const log = logOf(3)
    const [genesis, first, second] = log.commits
    if (genesis === undefined || first === undefined || second === undefined) throw new Error('there are three')
    const lines = (changed: FinalLog) => historyViolations(emptyHistory(), [changed]).join()
    expect(lines({ ...log, commits: [genesis, { ...first, prev: hash(9) }, second] })).toContain('is broken at seq 1')
    expect(lines({ ...log, commits: [genesis, second] })).toContain('has seq 2 at 1')
    expect(lines({ ...log, commits: [genesis, first, { ...second, changeId: 'change 1' }] })).toContain('is twice')
    expect(lines({ ...log, head: { seq: 1, hash: hash(1) } })).toContain('is not its last commit')
  })
})
