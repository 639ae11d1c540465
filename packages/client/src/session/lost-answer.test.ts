import { describe, expect, it } from 'vitest'
import { ClientError, type ClientErrorCode } from '../errors.ts'
import { afterChange, settleLostAnswer } from './lost-answer.ts'

const failing = (code: ClientErrorCode) => async (): Promise<never> => {
  throw new ClientError(code, 'it failed')
}

const settle = (code: ClientErrorCode, found: () => Promise<'new' | null>, signal?: AbortSignal) =>
  settleLostAnswer({ what: 'the password', signal, send: failing(code), found })

describe('a lost answer', () => {
  it('is settled by what counts', async () => {
    for (const code of ['network', 'server'] as const) {
      await expect(settle(code, async () => 'new')).resolves.toBe('new')
      await expect(settle(code, async () => null)).rejects.toMatchObject({
        code: 'network',
        details: { reason: 'not_changed' },
      })
    }
  })

  it('stays open when nobody can be asked', async () => {
    const unknown = { code: 'network', details: { reason: 'outcome_unknown' } }
    await expect(settle('network', failing('network'))).rejects.toMatchObject(unknown)
  })

  it('of an interrupted call is not asked about', async () => {
    const asked: string[] = []
    const found = async () => {
      asked.push('asked')
      return null
    }
    const task = settle('aborted', found, AbortSignal.abort())
    await expect(task).rejects.toMatchObject({ code: 'aborted', details: { reason: 'outcome_unknown' } })
    expect(asked).toEqual([])
  })

  it('is none where the server refused', async () => {
    for (const code of ['conflict', 'authentication', 'login_taken', 'integrity'] as const) {
      await expect(settle(code, async () => 'new')).rejects.toMatchObject({ code, details: {} })
    }
  })
})

it('a failure after a change says that the change was made', async () => {
  const task = afterChange('The new password counts', failing('local_io'))
  await expect(task).rejects.toMatchObject({ code: 'local_io', details: { reason: 'changed' } })
  await expect(task).rejects.toThrow(/^The new password counts, but/)
})
