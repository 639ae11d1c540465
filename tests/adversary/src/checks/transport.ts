import type { Removal } from '../harness/mutant.ts'

const API = 'packages/client/src/transport/api.ts'
const STORE = 'packages/client/src/transport/store.ts'
const RETRY = 'packages/client/src/transport/retry.ts'
const PARTS = 'packages/client/src/upload/upload-parts.ts'

/** Sends a redirected request once more, to where the answer says. */
const FOLLOW = `request.once('response', (response) => {
  const to = response.headers.location
  if (to === undefined) return done(response)
  response.resume()
  exchange(send, new URL(to, target), { agent, idleMs }, { method, headers, body, signal }).then(done, fail)
})`

/** Checks of where requests go, how often, and of the form of answers. */
export const TRANSPORT_CHECKS = {
  'origin of the store': {
    file: STORE,
    find: 'const allowed = resolved.origin === new URL(server).origin || origins.includes(resolved.origin)',
    replace: 'const allowed = true',
  },
  'paths have one leading slash': {
    file: STORE,
    find: 'isOfServer(url) ? new URL(server + url) : new URL(url)',
    replace: 'new URL(url, server)',
  },
  'no redirects': {
    file: 'packages/client/src/platform/node/http-transport.ts',
    find: "request.once('response', done)",
    replace: FOLLOW,
  },
  'an end to retries': [
    { file: RETRY, find: 'attempt >= attempts || ', replace: '' },
    {
      file: RETRY,
      find: 'const wait = Math.max(error.waitMs ?? 0, backoffMs(attempt, context.random()))',
      replace: 'const wait = 0',
    },
  ],
  'an end to patience': { file: RETRY, find: ' || wait > LONGEST_DELAY_MS * 2', replace: '' },
  'form of answers': {
    file: API,
    find: 'const parsed = route.response.safeDecode(parseJson(text) as never)',
    replace: 'const parsed = { success: true, data: parseJson(text), error: undefined }',
  },
  'longest answer': { file: API, find: 'response.bytes(ANSWER_LIMIT)', replace: 'response.bytes(2 ** 30)' },
  'errors are errors': { file: API, find: 'if (response.status >= 400) throw', replace: 'if (false) throw' },
  'what an ended session means': { file: API, find: "session_expired: 'authentication',", replace: '' },
  'an end to refused addresses': {
    file: PARTS,
    find: "if (attempt >= URL_ATTEMPTS) throw new ClientError('server', 'The store refuses the addresses it is given.')",
    replace: '',
  },
  'an address for each part': {
    file: PARTS,
    find: "if (url === undefined) throw new ClientError('server', 'The server answered no address for a part.')",
    replace: '',
  },
  'an end to sending parts again': {
    file: 'packages/client/src/upload/transfer.ts',
    find: ' || repetitions >= layout.partCount',
    replace: '',
  },
  'headers of a part': {
    file: STORE,
    find: '!PART_HEADER.test(name) || !PRINTABLE.test(value)',
    replace: 'false',
  },
  'a store has an address of the web': {
    file: 'packages/client/src/session/connect.ts',
    find: "if (protocol === 'https:' || protocol === 'http:') return origin",
    replace: 'return origin',
  },
  'letters of an error code': { file: API, find: "/^[a-z_]{1,40}$/.test(code) ? code : 'unknown'", replace: 'code' },
  'text for a terminal': {
    file: 'apps/cli/src/errors.ts',
    find: String.raw`terminalText(text.replaceAll('\n', ' ')).trim()`,
    replace: 'text.trim()',
  },
  'an ETag for each part': {
    file: STORE,
    find: "if (!isEtag(etag)) throw new ClientError('server', 'The store confirmed a part without a proper ETag.')",
    replace: '',
  },
  'an end to uploading again': {
    file: 'packages/client/src/upload/upload.ts',
    find: 'attempt < ATTEMPTS',
    replace: 'true',
  },
} as const satisfies Record<string, Removal>
