import type { VaultId } from '@strongroom/crypto/envelope'
import { hashMessage } from '@strongroom/crypto/envelope'
import { encodeCbor, splitByteStrings } from '../header/cbor.ts'
import { VaultError } from '../header/errors.ts'
import type { Hasher } from '../header/hashes.ts'
import { type DeltaBase, deltaBase } from './clone.ts'
import type { ColumnReaders, ColumnWriters } from './column-names.ts'
import { COLUMNS } from './column-names.ts'
import { ColumnReader } from './column-reader.ts'
import { ColumnWriter } from './column-writer.ts'
import { readLedger, writeLedger } from './ledger-columns.ts'
import { readTree, type Trust, writeNodes } from './node-columns.ts'
import type { MutableState, VaultState } from './state.ts'
import { emptyState } from './state.ts'
import { LayeredTable } from './table.ts'

const MAGIC = 'SRS1'

/**
 * The canonical form of a state: the same state gives the same bytes, whoever encodes it.
 *
 * @see spec/vault-log.md §9
 */
export function encodeState(state: VaultState): Uint8Array {
  const columns = Object.fromEntries(COLUMNS.map((name) => [name, new ColumnWriter()])) as ColumnWriters // all names are there
  columns.vault.bytes(state.vaultId)
  columns.vault.i64(state.seq)
  writeNodes(columns, state)
  writeLedger(columns, state)
  return encodeCbor([MAGIC, ...COLUMNS.map((name) => columns[name].take())])
}

/**
 * Decodes a state and checks all of it: lengths, order, uniqueness, parents, cycles, names, contents. The state goes on
 * reading `bytes`, which must not be changed any more.
 *
 * @throws VaultError `state_invalid`, or `upgrade_required` for a later version
 */
export function decodeState(hasher: Hasher, bytes: Uint8Array): Promise<VaultState> {
  return decode(hasher, bytes, 'none')
}

/**
 * Decodes a state that `encodeState` or `decodeState` has had in its hands, and that a seal of this device vouches for:
 * of its nodes only lengths are checked. [Note: Rows]
 *
 * @throws VaultError as `decodeState`
 */
export function decodeOwnState(hasher: Hasher, bytes: Uint8Array): Promise<VaultState> {
  return decode(hasher, bytes, 'own')
}

async function decode(hasher: Hasher, bytes: Uint8Array, trust: Trust): Promise<VaultState> {
  const { text, items } = splitByteStrings(bytes, 'state_invalid')
  if (!/^SRS[0-9]$/.test(text)) throw new VaultError('state_invalid', 'shape')
  if (text !== MAGIC) throw new VaultError('upgrade_required', 'state version')
  if (items.length !== COLUMNS.length) throw new VaultError('state_invalid', 'shape')
  const columns = Object.fromEntries(
    COLUMNS.map((name, index) => [name, new ColumnReader(items[index] ?? new Uint8Array(0))]),
  ) as ColumnReaders // all names are there
  const vaultId = columns.vault.bytes(16) as VaultId // just taken from its place
  const seq = columns.vault.i64()
  if (seq < -1) throw new VaultError('state_invalid', 'seq')
  const empty = await emptyState(hasher, vaultId)
  // emptyState makes a MutableState, as every state of this package is.
  const state: MutableState = { ...(empty as MutableState), seq, ...readTree(columns, empty, trust) }
  readLedger(columns, state)
  for (const name of COLUMNS) if (!columns[name].atEnd) throw new VaultError('state_invalid', `column ${name}`)
  if (state.nodes instanceof LayeredTable) origins.set(state.nodes.base, { bytes, from: deltaBase(state) })
  return state
}

/** A state as it was decoded: its bytes, and what a delta from it starts from. */
export interface Origin {
  readonly bytes: Uint8Array
  readonly from: DeltaBase
}

const origins = new WeakMap<object, Origin>()

/** What a state was made from by deltas and commits; null where that was not decoded, but began empty. */
export function originOf(state: VaultState): Origin | null {
  return state.nodes instanceof LayeredTable ? (origins.get(state.nodes.base) ?? null) : null
}

/** Hash of a state's canonical form, which others recompute. */
export function stateHash(hasher: Hasher, state: VaultState): Promise<Uint8Array> {
  return hasher.sha256(hashMessage('state', encodeState(state)))
}
