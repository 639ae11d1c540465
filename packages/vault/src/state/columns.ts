import type { VaultId } from '@strongroom/crypto/envelope'
import { hashMessage } from '@strongroom/crypto/envelope'
import { decodeCbor, encodeCbor, shapes } from '../header/cbor.ts'
import { VaultError } from '../header/errors.ts'
import type { Hasher } from '../header/hashes.ts'
import type { ColumnReaders, ColumnWriters } from './column-names.ts'
import { COLUMNS } from './column-names.ts'
import { ColumnReader } from './column-reader.ts'
import { ColumnWriter } from './column-writer.ts'
import { readLedger, writeLedger } from './ledger-columns.ts'
import { readNodes, writeNodes } from './node-columns.ts'
import type { MutableState, VaultState } from './state.ts'
import { emptyState } from './state.ts'

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
 * Decodes a state and checks all of it: lengths, order, uniqueness, parents, cycles, names, contents.
 *
 * @throws VaultError `state_invalid`, or `upgrade_required` for a later version
 */
export async function decodeState(hasher: Hasher, bytes: Uint8Array): Promise<VaultState> {
  const value = decodeCbor(bytes, 'state_invalid')
  const shape = shapes('state_invalid')
  if (!Array.isArray(value)) throw new VaultError('state_invalid', 'shape')
  const magic = shape.text(value[0], /^SRS[0-9]$/)
  if (magic !== MAGIC) throw new VaultError('upgrade_required', 'state version')
  const [, ...items] = shape.tuple(value, COLUMNS.length + 1)
  const columns = Object.fromEntries(
    COLUMNS.map((name, index) => [name, new ColumnReader(shape.bytes(items[index], 0, Number.POSITIVE_INFINITY))]),
  ) as ColumnReaders // all names are there
  const vaultId = columns.vault.bytes(16) as VaultId // just taken from its place
  // emptyState makes a MutableState, as every state of this package is.
  const state = (await emptyState(hasher, vaultId)) as MutableState
  state.seq = columns.vault.i64()
  if (state.seq < -1) throw new VaultError('state_invalid', 'seq')
  readNodes(columns, state)
  readLedger(columns, state)
  for (const name of COLUMNS) if (!columns[name].atEnd) throw new VaultError('state_invalid', `column ${name}`)
  return state
}

/** Hash of a state's canonical form, which others recompute. */
export function stateHash(hasher: Hasher, state: VaultState): Promise<Uint8Array> {
  return hasher.sha256(hashMessage('state', encodeState(state)))
}
