import type { Transport, TransportRequest } from '@strongroom/client'
import { hashMessage } from '@strongroom/crypto/envelope'
import { nodeEngine } from '@strongroom/crypto/node'

const HEADER_LENGTH = 276
const engine = nodeEngine()

/** A commit that a client sent; times are those of one clock that only goes forward, in milliseconds. */
export interface SentCommit {
  /** Hex. */
  readonly vault: string
  readonly seq: number
  /** Hex. */
  readonly hash: string
  readonly by: string
  readonly sentMs: number
  /** When the client had the whole answer that the commit is stored; null where it never had one. */
  readonly acknowledgedMs: number | null
}

/** A head that a server named. */
export interface SeenHead {
  readonly vault: string
  readonly seq: number
  readonly by: string
  readonly askedMs: number
}

/** What a user did with one file of their own content. */
export interface PutFile {
  /** Tells it from all others; its modification time. */
  readonly number: number
  readonly by: string
  /** Hex; the vault that it belongs in. */
  readonly vault: string
  /** `kept`: it must be there; `none`: it must not; `maybe`: nobody knows. */
  expected: 'kept' | 'none' | 'maybe'
}

/** Everything that clients saw happen. */
export interface History {
  readonly sent: SentCommit[]
  readonly heads: SeenHead[]
  readonly puts: PutFile[]
  /** What must not happen to anyone, as it happened. */
  readonly broken: string[]
  /** Acts by how they ended. */
  readonly ended: Map<string, number>
}

export function emptyHistory(): History {
  return { sent: [], heads: [], puts: [], broken: [], ended: new Map() }
}

export function count(tally: Map<string, number>, what: string): void {
  tally.set(what, (tally.get(what) ?? 0) + 1)
}

const COMMITS = /^\/v1\/vaults\/([A-Za-z0-9_-]+)\/(commits|head)$/

function hex(text: string): string {
  return Buffer.from(text, 'base64url').toString('hex')
}

/** The same transport, with every commit sent and every head seen noted. */
export function observed(transport: Transport, history: History, by: string): Transport {
  return async (address, request) => {
    const { pathname } = new URL(address)
    const [, id, what] = COMMITS.exec(pathname) ?? []
    if (id === undefined) return await transport(address, request)
    const askedMs = performance.now()
    const note =
      request.method === 'POST' ? await sending(history, { vault: hex(id), by, askedMs }, request.body) : null
    const answer = await transport(address, request)
    return {
      ...answer,
      async bytes(maxLength, into) {
        const bytes = await answer.bytes(maxLength, into)
        if (answer.status !== 200) return bytes
        const told = JSON.parse(new TextDecoder().decode(bytes)) as { seq?: number; head?: { seq: number } }
        const seq = what === 'head' ? told.seq : told.head?.seq
        if (note !== null) note()
        else if (seq !== undefined) history.heads.push({ vault: hex(id), seq, by, askedMs })
        return bytes
      },
    }
  }
}

/** Notes a commit as sent; what is returned notes that it was acknowledged. */
async function sending(
  history: History,
  who: { vault: string; by: string; askedMs: number },
  body: TransportRequest['body'],
): Promise<() => void> {
  const { commit } = JSON.parse(String(body)) as { commit: string }
  const header = Buffer.from(commit, 'base64url').subarray(0, HEADER_LENGTH)
  const hash = Buffer.from(await engine.sha256(hashMessage('commit', header))).toString('hex')
  const { vault, by, askedMs } = who
  const place = history.sent.length
  const entry = { vault, seq: Number(header.readBigUInt64BE(24)), hash, by, sentMs: askedMs, acknowledgedMs: null }
  history.sent.push(entry)
  return () => {
    history.sent[place] = { ...entry, acknowledgedMs: performance.now() }
  }
}
