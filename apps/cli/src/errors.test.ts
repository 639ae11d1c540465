import { ClientError, type ClientErrorCode } from '@strongroom/client'
import { describe, expect, test } from 'vitest'
import { aboutPath, causeChain, describeFailure } from './errors.ts'
import { EXIT } from './exit-codes.ts'
import { CliError } from './failure.ts'

const EXPECTED: Record<ClientErrorCode, number> = {
  usage: EXIT.usage,
  not_found: EXIT.notFound,
  authentication: EXIT.authentication,
  integrity: EXIT.integrity,
  conflict: EXIT.conflict,
  network: EXIT.network,
  server: EXIT.network,
  quota: EXIT.quota,
  partly_done: EXIT.partlyDone,
  exists: EXIT.conflict,
  not_a_folder: EXIT.notFound,
  is_a_folder: EXIT.usage,
  aborted: EXIT.interrupted,
  source_changed: EXIT.failed,
  local_io: EXIT.failed,
  upgrade_required: EXIT.failed,
  registration_closed: EXIT.authentication,
  login_taken: EXIT.conflict,
  invite_required: EXIT.authentication,
  invite_invalid: EXIT.authentication,
  account_disabled: EXIT.authentication,
}

describe('each code of the SDK', () => {
  test.each(Object.entries(EXPECTED))('%s ends with %i and one whole sentence', (code, exitCode) => {
    // The entries are those of the record above.
    const failure = describeFailure(new ClientError(code as ClientErrorCode, 'something happened'))
    expect(failure.exitCode).toBe(exitCode)
    expect(failure.message).toMatch(/^[A-Z][^\n]*\.$/)
  })
})

test('a local failure says what the system said, not its code', () => {
  const error = new ClientError('local_io', 'x', { details: { errno: 'ENOSPC' } })
  expect(describeFailure(error).message).toBe('The local file system refused: the disk is full.')
})

test('advice fits the verb and the place', () => {
  const failure = (code: ClientErrorCode, details: Record<string, string>) =>
    describeFailure(new ClientError(code, 'No', { details })).message
  expect(failure('is_a_folder', { reason: 'files_only' })).toBe('No.')
  expect(failure('exists', { reason: 'folder_exists' })).toBe('No. Choose another name, or add -p.')
  expect(failure('integrity', { reason: 'pins_damaged' })).not.toContain('server')
  expect(failure('not_found', { place: 'source' })).toBe('No. Check the path.')
  expect(failure('local_io', { place: 'profile' })).toBe('No. Run "strongroom login".')
})

test('what nobody expected shows neither message nor stack', () => {
  const failure = describeFailure(new TypeError('cannot read "secret"'))
  expect(failure.exitCode).toBe(EXIT.failed)
  expect(failure.message).not.toContain('secret')
})

test('a message cannot steer the terminal', () => {
  expect(describeFailure(new ClientError('server', 'bad\u001b[2J\nline')).message).not.toMatch(/\p{Cc}/u)
})

test('aboutPath leaves the path out where the profile is the matter', async () => {
  const error = new ClientError('local_io', 'no', { details: { errno: 'EACCES', place: 'profile' } })
  await expect(aboutPath('/a', () => Promise.reject(error))).rejects.toBe(error)
  expect(describeFailure(error).message).toMatch(/sign-in cannot be used \(permission denied\).*STRONGROOM_HOME/)
})

test('aboutPath names the path where the path is the matter, and keeps the code', async () => {
  const fail = (code: ClientErrorCode) => aboutPath('/a\u001b[2J', () => Promise.reject(new ClientError(code, 'no')))
  await expect(fail('not_found')).rejects.toMatchObject({
    exitCode: EXIT.notFound,
    message: expect.stringMatching(/^"\/a": No\./),
  })
  await expect(fail('network')).rejects.toBeInstanceOf(ClientError)
})

test('causes are one line each, and a circle of them ends', () => {
  const inner = new Error('inner\n    at somewhere')
  const outer = new CliError(EXIT.failed, 'outer', { cause: inner })
  inner.cause = inner
  const lines = causeChain(outer)
  expect(lines[0]).toBe('  caused by Error: inner')
  expect(lines.length).toBeLessThanOrEqual(10)
})

test('a failure of the server names the request, if its id can stand on a terminal', () => {
  const message = (status: number, requestId: string) =>
    describeFailure(new ClientError('server', 'No', { details: { status, requestId } })).message
  expect(message(500, '0123456789abcdef')).toMatch(/ The request was 0123456789abcdef\.$/)
  expect(message(404, '0123456789abcdef')).not.toContain('0123')
  expect(message(500, '01234567\u001b[2J')).not.toContain('0123')
})
