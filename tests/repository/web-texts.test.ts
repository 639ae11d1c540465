import type { ClientErrorCode } from '@strongroom/client'
import { ERRORS } from '@strongroom/protocol'
import { describe, expect, it } from 'vitest'
import { failureText, TEXT } from '../../apps/web/src/strings.ts'

/** Complete, or it does not compile. */
const CLIENT_CODES: Readonly<Record<ClientErrorCode, true>> = {
  usage: true,
  not_found: true,
  authentication: true,
  integrity: true,
  conflict: true,
  network: true,
  server: true,
  quota: true,
  partly_done: true,
  exists: true,
  not_a_folder: true,
  is_a_folder: true,
  aborted: true,
  source_changed: true,
  local_io: true,
  upgrade_required: true,
  registration_closed: true,
  invite_required: true,
  invite_invalid: true,
  account_disabled: true,
  login_taken: true,
}

describe('the texts of the web app', () => {
  it.each([...Object.keys(CLIENT_CODES), ...Object.keys(ERRORS)])('have a sentence for %s', (code) => {
    const text = TEXT.errors[code]
    expect(text).toMatch(/^[A-Z].*[.]$/)
    expect(text).not.toContain(code.includes('_') ? code : ' _ ')
    expect(failureText({ code })).toBe(text)
  })

  it('tell something of a failure that nobody knows', () => {
    expect(failureText({ code: 'made_up' })).toBe(TEXT.errors.internal)
    expect(failureText({ code: 'constructor' })).toBe(TEXT.errors.internal)
  })

  it('prefer what is most special', () => {
    expect(failureText({ code: 'quota', details: { answer: 'storage_full' } })).toBe(TEXT.errors.storage_full)
  })
})
