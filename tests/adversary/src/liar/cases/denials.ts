import { jsonAnswer } from '../../harness/proxy.ts'
import { type LieCase, SOURCE } from '../attempt.ts'
import { COMMITS, COMPLETE, errorAnswer, instead, onAnswer, onJson, PARTS, RESERVE, STORE } from '../lies.ts'

const LS = ['ls', '/']
const PUT = ['put', SOURCE, '/upload']

/** What a server can always do: not serve. It ends, with a line that says so. */
export const DENIALS: readonly LieCase[] = [
  {
    name: 'cuts every connection',
    kind: 'denial',
    command: LS,
    lie: () => ({ answer: () => null }),
    exitCode: 7,
    without: ['an end to retries'],
    leak: 'no end',
  },
  {
    name: 'asks for patience without end',
    kind: 'denial',
    command: LS,
    lie: () => instead('GET', COMMITS, () => errorAnswer(503, 'unavailable', ['retry-after', '999999'])),
    exitCode: 7,
    without: ['an end to patience'],
    leak: 'no end',
  },
  {
    name: 'fails',
    kind: 'denial',
    command: LS,
    lie: () => instead('GET', COMMITS, () => errorAnswer(500, 'internal')),
    exitCode: 7,
    without: ['errors are errors', 'form of answers'],
    leak: 'another exit code',
  },
  {
    name: 'says that the session has ended',
    kind: 'denial',
    command: LS,
    lie: () => instead('GET', COMMITS, () => errorAnswer(401, 'session_expired')),
    exitCode: 4,
    without: ['what an ended session means'],
    leak: 'another exit code',
  },
  {
    name: 'says without end that someone else was faster',
    kind: 'denial',
    command: ['mkdir', '/never'],
    lie: () => instead('POST', COMMITS, () => errorAnswer(409, 'head_moved')),
    exitCode: 7,
    without: ['an end to rebasing', 'a pause before rebasing'],
    leak: 'no end',
  },
  {
    name: 'rejects every commit',
    kind: 'denial',
    command: ['mkdir', '/never'],
    lie: () => instead('POST', COMMITS, () => errorAnswer(422, 'commit_rejected')),
    exitCode: 7,
    without: ['only a moved head is rebased on', 'an end to rebasing', 'a pause before rebasing'],
    leak: 'no end',
  },
  {
    name: 'refuses every address that it gives',
    kind: 'denial',
    command: PUT,
    lie: () => instead('PUT', STORE, () => errorAnswer(403, 'url_invalid')),
    exitCode: 7,
    without: ['an end to refused addresses'],
    leak: 'no end',
  },
  {
    name: 'says that every part is there already',
    kind: 'denial',
    command: PUT,
    lie: () => instead('PUT', STORE, () => errorAnswer(412, 'blob_conflict')),
    exitCode: 7,
    without: ['an end to sending parts again'],
    leak: 'no end',
  },
  {
    name: 'confirms parts without an ETag',
    kind: 'denial',
    command: PUT,
    lie: () => onAnswer('PUT', STORE, () => ({ status: 200, rawHeaders: [], body: Buffer.alloc(0) })),
    exitCode: 7,
    without: ['an ETag for each part'],
    leak: 'another exit code',
  },
  {
    name: 'confirms parts with an endless ETag',
    kind: 'huge count',
    command: PUT,
    lie: () =>
      onAnswer('PUT', STORE, () => ({ status: 200, rawHeaders: ['etag', 'x'.repeat(9000)], body: Buffer.alloc(0) })),
    exitCode: 7,
    without: ['an ETag for each part'],
    leak: 'another exit code',
  },
  {
    name: 'gives no addresses',
    kind: 'denial',
    command: PUT,
    lie: () => onJson<{ parts: unknown[] }>('POST', PARTS, (body) => body.parts.splice(0)),
    exitCode: 7,
    without: ['an address for each part'],
    leak: 'another exit code',
  },
  {
    name: 'says that every blob is gone',
    kind: 'denial',
    command: PUT,
    lie: () => instead('POST', COMPLETE, () => errorAnswer(409, 'blob_gone')),
    exitCode: 6,
    without: ['an end to uploading again'],
    leak: 'no end',
  },
  {
    name: 'says that every blob id is taken',
    kind: 'denial',
    command: PUT,
    lie: () => instead('POST', RESERVE, () => errorAnswer(409, 'blob_conflict')),
    exitCode: 6,
    without: ['an end to uploading again'],
    leak: 'no end',
  },
]

const commits = (body: Buffer, rawHeaders: readonly string[] = []) =>
  instead('GET', COMMITS, () => ({ status: 200, rawHeaders, body }))

/** Answers that are not what an answer has to be. */
export const FORMS: readonly LieCase[] = [
  {
    name: 'answers what is not JSON',
    kind: 'hostile form',
    command: LS,
    lie: () => commits(Buffer.from('<html>')),
    exitCode: 7,
    without: ['form of answers'],
    leak: 'another exit code',
  },
  {
    name: 'answers numbers that are none',
    kind: 'hostile form',
    command: LS,
    lie: () => instead('GET', COMMITS, () => jsonAnswer(200, { head: { seq: -1, hash: 'x' }, commits: 12 })),
    exitCode: 7,
    without: ['form of answers'],
    leak: 'another exit code',
  },
  {
    name: 'answers a hundred thousand brackets',
    kind: 'hostile form',
    command: LS,
    lie: () => commits(Buffer.from(`{"head":${'['.repeat(100_000)}`)),
    exitCode: 7,
    without: ['form of answers'],
    leak: 'another exit code',
  },
  {
    name: 'answers with compressed zeros',
    kind: 'hostile form',
    command: LS,
    lie: () => commits(Buffer.from('1f8b08', 'hex'), ['content-encoding', 'gzip']),
    exitCode: 7,
    without: ['form of answers'],
    leak: 'another exit code',
  },
  {
    name: 'answers more than fits into memory',
    kind: 'huge count',
    command: LS,
    // JSON, and forty megabytes of spaces.
    lie: () =>
      onAnswer('GET', COMMITS, (answer) => ({
        ...answer,
        body: Buffer.concat([answer.body, Buffer.alloc(40 * 1024 * 1024, 32)]),
      })),
    without: ['longest answer'],
    leak: 'success',
  },
  {
    name: 'draws on the terminal with a code of its own',
    kind: 'hostile form',
    command: LS,
    lie: () => instead('GET', COMMITS, () => errorAnswer(418, '\u001b[2Jall is well\u0007')),
    exitCode: 7,
    without: ['letters of an error code', 'text for a terminal'],
    leak: 'control characters on the terminal',
  },
]
