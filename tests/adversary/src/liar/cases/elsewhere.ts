import type { Answer, Lie } from '../../harness/proxy.ts'
import { type LieCase, SOURCE, TARGET } from '../attempt.ts'
import { COMMITS, instead, OPEN, type OpenBody, onJson, PARTS, RESERVE, STORE } from '../lies.ts'
import type { World } from '../world.ts'

const CAT = ['cat', '/small.txt']
const PUT = ['put', SOURCE, '/upload']

function redirect({ trap }: World, status: number): Answer {
  return { status, rawHeaders: ['location', `${trap.origin}/x`], body: Buffer.alloc(0) }
}

function opened(url: (world: World, path: string) => string): (world: World) => Lie {
  return (world) =>
    onJson<OpenBody>('POST', OPEN, (body) => {
      for (const blob of body.blobs) blob.url = url(world, blob.url)
    })
}

function parts(change: (part: PartAddress, world: World) => void): (world: World) => Lie {
  return (world) =>
    onJson<{ parts: PartAddress[] }>('POST', PARTS, (body) => {
      for (const part of body.parts) change(part, world)
    })
}

interface PartAddress {
  url: string
  headers: Record<string, string>
}

/** Lies about where things are. */
export const ELSEWHERE: readonly LieCase[] = [
  {
    name: 'names a foreign host to read from',
    kind: 'redirect',
    command: CAT,
    lie: opened(({ trap }, path) => trap.origin + path),
    without: ['origin of the store'],
    leak: 'a foreign host is asked',
  },
  {
    name: 'names a foreign host to download a folder from',
    kind: 'redirect',
    command: ['get', '-r', '/folder', TARGET],
    lie: opened(({ trap }, path) => trap.origin + path),
    without: ['origin of the store'],
    leak: 'a foreign host is asked',
  },
  {
    name: 'names a foreign host without a scheme',
    kind: 'redirect',
    command: CAT,
    lie: opened(({ trap }, path) => `//${new URL(trap.origin).host}${path}`),
    without: ['paths have one leading slash', 'origin of the store'],
    leak: 'a foreign host is asked',
  },
  {
    name: 'names a file of the device',
    kind: 'redirect',
    command: CAT,
    lie: opened(() => 'file:///etc/hostname'),
    without: ['origin of the store'],
    leak: 'another exit code',
  },
  {
    name: 'redirects a download',
    kind: 'redirect',
    command: ['get', '/small.txt', `${TARGET}/small.txt`],
    lie: (world) => instead('GET', STORE, () => redirect(world, 307)),
    without: ['no redirects'],
    leak: 'a foreign host is asked',
  },
  {
    name: 'redirects the API',
    kind: 'redirect',
    command: ['ls', '/'],
    lie: (world) => instead('GET', COMMITS, () => redirect(world, 302)),
    without: ['no redirects'],
    leak: 'a foreign host is asked',
  },
  {
    name: 'names a foreign host to upload to',
    kind: 'redirect',
    command: PUT,
    lie: parts((part, { trap }) => {
      part.url = trap.origin + part.url
    }),
    without: ['origin of the store'],
    leak: 'a foreign host is asked',
  },
  {
    name: 'redirects an upload',
    kind: 'redirect',
    command: PUT,
    lie: (world) => instead('PUT', STORE, () => redirect(world, 308)),
    without: ['no redirects'],
    leak: 'a foreign host is asked',
  },
  {
    name: 'redirects the small files of a folder',
    kind: 'redirect',
    command: ['put', '-r', '--quiet', `${SOURCE}.d`, '/upload'],
    lie: (world) => instead('POST', RESERVE, () => redirect(world, 307)),
    without: ['no redirects'],
    leak: 'a foreign host is asked',
  },
  {
    name: 'redirects a commit',
    kind: 'redirect',
    command: ['mkdir', '/redirected'],
    lie: (world) => instead('POST', COMMITS, () => redirect(world, 307)),
    without: ['no redirects'],
    leak: 'a foreign host is asked',
  },
  {
    name: 'wants the session to be told to the store',
    kind: 'redirect',
    command: PUT,
    lie: parts((part) => {
      part.headers.authorization = 'Bearer x'
    }),
    without: ['headers of a part'],
    leak: 'success',
  },
  {
    name: 'wants headers that break the request apart',
    kind: 'hostile form',
    command: PUT,
    lie: parts((part) => {
      part.headers['content-type'] = 'x\r\nhost: elsewhere'
    }),
    without: ['headers of a part'],
    leak: 'another exit code',
  },
]
