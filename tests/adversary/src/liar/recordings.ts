import { nodeEngine } from '@strongroom/crypto/node'
import { commitHash } from '@strongroom/vault/header'
import { formatStateCode } from '../../../../packages/client/src/session/state-code.ts'
import { copyOfHome, run } from '../harness/cli.ts'
import type { Lie } from '../harness/proxy.ts'
import {
  COMMITS,
  type CommitsBody,
  isRoute,
  LOGIN_FINISH,
  type LoginBody,
  OPEN,
  type OpenBody,
  onJson,
} from './lies.ts'
import type { World } from './world.ts'

/** What the server answers to the opening of a file. */
export async function recordOpened(
  at: World,
  person: World['alice'],
  path: string,
): Promise<OpenBody['blobs'][number]> {
  at.proxy.forget()
  await person.ok(['cat', path])
  const seen = at.proxy.exchanges.find(({ request }) => isRoute(request, 'POST', OPEN))
  const body: OpenBody = JSON.parse(seen?.answer?.body.toString('utf8') ?? '{"blobs":[]}')
  const [blob] = body.blobs
  if (blob === undefined) throw new Error('nothing was opened')
  return blob
}

/** Gives another blob's digests, keys and address for the blob that is asked for. */
export function swapOpened(other: OpenBody['blobs'][number]): Lie {
  return onJson<OpenBody>('POST', OPEN, (body) => {
    for (const blob of body.blobs) {
      const { blobId } = blob
      Object.assign(blob, other, { blobId, wraps: other.wraps.map((wrap) => ({ ...wrap, blobId })) })
    }
  })
}

/** What a person's login is answered. */
export async function recordLogin(
  at: World,
  person: World['alice'],
  name: string,
  password = person.password,
): Promise<LoginBody> {
  at.proxy.forget()
  // Reason: a sign-in ends the session that its profile had, which is this person's.
  await using copy = await copyOfHome(person, { forget: ['profile.json'] })
  const result = await run(['login', name], { home: copy.home, server: at.proxy.url, password })
  if (result.code !== 0) throw new Error(`the login failed: ${result.stderr}`)
  const seen = at.proxy.exchanges.find(({ request }) => isRoute(request, 'POST', LOGIN_FINISH))
  return JSON.parse(seen?.answer?.body.toString('utf8') ?? '')
}

/** The whole log of a person, as the server answers it. */
export async function recordCommits(at: World, person: World['alice']): Promise<CommitsBody> {
  at.proxy.forget()
  await using copy = await copyOfHome(person, { forget: ['vault.cache', 'vault.cache-log'] })
  const result = await run(['ls', '/'], { home: copy.home, server: at.proxy.url, password: person.password })
  if (result.code !== 0) throw new Error(`the log could not be read: ${result.stderr}`)
  // Reason: what comes after the pinned head is asked for first, and is nothing.
  const seen = at.proxy.exchanges.find(
    ({ request }) => isRoute(request, 'GET', COMMITS) && /from=0(&|$)/.test(request.path),
  )
  return JSON.parse(seen?.answer?.body.toString('utf8') ?? '')
}

/** Hash of a commit, from its bytes as the server answers them. */
export async function hashOf(commit: string | undefined): Promise<Uint8Array> {
  return await commitHash(nodeEngine(), new Uint8Array(Buffer.from(commit ?? '', 'base64url').subarray(0, 276)))
}

/** The state code of a commit of a person. */
export async function stateCode(at: World, person: World['alice'], seq: number): Promise<string> {
  const { commits } = await recordCommits(at, person)
  return formatStateCode(seq, await hashOf(commits[seq]))
}
