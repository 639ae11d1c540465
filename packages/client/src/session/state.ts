import { type CryptoEngine, equalBytes, fromHex, toHex, type VaultId } from '@strongroom/crypto'
import { commitHash, HEADER_LENGTH, parseHeader, VaultError } from '@strongroom/vault'
import { ClientError, integrityError } from '../errors.ts'
import type { StateStore } from '../ports.ts'
import type { Api } from '../transport/api.ts'
import { forked, type HeadPin, loadPins } from './pins.ts'
import { codeFits, formatStateCode, parseStateCode } from './state-code.ts'
import type { StateComparison, StateReport } from './types.ts'

export interface StateContext {
  readonly engine: CryptoEngine
  readonly api: Api
  readonly store: StateStore
  /** Of the private vault. */
  readonly vaultId: VaultId
}

/** What this device has verified last of the private vault, without the network. @throws ClientError `not_found` */
export async function readState({ store, vaultId }: Pick<StateContext, 'store' | 'vaultId'>): Promise<StateReport> {
  const { seq, hash } = await pinnedHead(store, vaultId)
  return { seq, hash, code: formatStateCode(seq, fromHex(hash)) }
}

async function pinnedHead(store: StateStore, vaultId: VaultId): Promise<HeadPin> {
  const head = (await loadPins(store)).heads[toHex(vaultId)]
  if (head !== undefined) return head
  throw new ClientError('not_found', 'This device has not seen the account yet.')
}

/**
 * Compares the state code of another device with the history that this device has verified.
 *
 * @throws ClientError `usage` when it is no code, `integrity` when the server shows another chain than this device's
 */
export async function compareState(
  context: StateContext,
  text: string,
  signal: AbortSignal | undefined,
): Promise<StateComparison> {
  const code = parseStateCode(text)
  const head = await pinnedHead(context.store, context.vaultId)
  if (code.seq > head.seq) return { outcome: 'ahead', seq: code.seq, ownSeq: head.seq }
  const hash = code.seq === head.seq ? fromHex(head.hash) : await hashAt(context, code.seq, head, signal)
  return { outcome: codeFits(code, hash) ? 'same' : 'different', seq: code.seq, ownSeq: head.seq }
}

/**
 * The hash of an older commit: its header and those after it form a chain that ends in this device's head, which proves
 * all of them without a key.
 */
async function hashAt(
  { api, engine, vaultId }: StateContext,
  seq: number,
  head: HeadPin,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  let wanted: Uint8Array | null = null
  let previous: Uint8Array | null = null
  for (let next = seq; next <= head.seq; ) {
    const query = { from: next, limit: Math.min(10_000, head.seq - next + 1) }
    const { headers } = await api.call('headersRead', { params: { vaultId }, query, signal })
    if (headers.length === 0) throw integrityError('the headers of the log, which the server keeps back')
    for (const bytes of headers.slice(0, head.seq - next + 1)) {
      const header = readHeader(bytes)
      const follows = header.seq === next && (previous === null || equalBytes(header.prev, previous))
      if (!follows) throw forked()
      previous = await commitHash(engine, bytes.subarray(0, HEADER_LENGTH))
      wanted ??= previous
      next += 1
    }
  }
  if (wanted === null || previous === null || toHex(previous) !== head.hash) throw forked()
  return wanted
}

function readHeader(bytes: Uint8Array): ReturnType<typeof parseHeader> {
  try {
    return parseHeader(bytes.subarray(0, HEADER_LENGTH))
  } catch (cause) {
    if (cause instanceof VaultError) throw integrityError('a header of the log', cause)
    throw cause
  }
}
