import type { BlobId } from '@strongroom/crypto/envelope'
import { compareBytes } from '@strongroom/crypto/envelope'
import { VaultError } from '../header/errors.ts'
import { LABEL_PATTERN, MAX_RECORD_KEY_LENGTH, MAX_RECORD_VALUE_LENGTH } from '../log/operations.ts'
import { decodeText, encodeText } from '../names.ts'
import type { ColumnReaders, ColumnWriters } from './column-names.ts'
import { idKey, idKeys, recordKey } from './id-key.ts'
import type { MutableState, VaultState } from './state.ts'
import { REMEMBERED_CHANGES } from './state.ts'

function invalid(reason: string): VaultError {
  return new VaultError('state_invalid', reason)
}

/** Writes the columns of account records, change ids, imbalance and checkpoint. */
export function writeLedger(columns: ColumnWriters, state: VaultState): void {
  const records = [...state.records].sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [, record] of records) {
    const type = encodeText(record.type)
    columns.records.u8(type.length)
    columns.records.bytes(type)
    columns.records.u8(record.key.length)
    columns.records.bytes(record.key)
    columns.records.u32(record.value.length)
    columns.records.bytes(record.value)
  }
  for (const changeId of state.changeIds.values()) columns.changeIds.bytes(changeId)
  for (const [, { blobId, count }] of [...state.imbalance].sort(([a], [b]) => (a < b ? -1 : 1))) {
    columns.imbalance.bytes(blobId)
    columns.imbalance.i64(count)
  }
  if (state.checkpoint === null) return
  columns.checkpoint.bytes(state.checkpoint.hash)
  columns.checkpoint.i64(state.checkpoint.namedBySeq)
  for (const blobId of state.checkpoint.blobIds) columns.checkpoint.bytes(blobId)
}

/** Reads the same columns into a state. */
export function readLedger(columns: ColumnReaders, state: MutableState): void {
  readRecords(columns, state)
  const count = columns.changeIds.count(16)
  const changeIds = columns.changeIds.rest()
  const keys = idKeys(changeIds)
  for (let index = 0; index < count; index += 1) {
    state.changeIds.set(keys.slice(index * 32, index * 32 + 32), changeIds.subarray(index * 16, index * 16 + 16))
  }
  if (state.changeIds.size !== count || count > REMEMBERED_CHANGES) throw invalid('change ids')
  readImbalance(columns, state)
  readCheckpoint(columns, state)
}

function readRecords(columns: ColumnReaders, state: MutableState): void {
  let before = ''
  while (!columns.records.atEnd) {
    const type = decodeText(columns.records.bytes(columns.records.u8()))
    const key = columns.records.bytes(columns.records.u8())
    const value = columns.records.bytes(columns.records.u32())
    if (type === null || !LABEL_PATTERN.test(type)) throw invalid('record type')
    if (key.length > MAX_RECORD_KEY_LENGTH || value.length > MAX_RECORD_VALUE_LENGTH) throw invalid('record length')
    const mapKey = recordKey(type, key)
    if (mapKey <= before) throw invalid('record order')
    before = mapKey
    state.records.set(mapKey, { type, key, value })
  }
}

function readImbalance(columns: ColumnReaders, state: MutableState): void {
  let before: Uint8Array | null = null
  for (let left = columns.imbalance.count(24); left > 0; left -= 1) {
    const blobId = columns.imbalance.bytes(16) as BlobId // just taken from its place
    const count = columns.imbalance.i64()
    if (count === 0 || (before !== null && compareBytes(before, blobId) >= 0)) throw invalid('imbalance')
    before = blobId
    state.imbalance.set(idKey(blobId), { blobId, count })
  }
}

function readCheckpoint(columns: ColumnReaders, state: MutableState): void {
  if (columns.checkpoint.atEnd) return
  const hash = columns.checkpoint.bytes(32)
  const namedBySeq = columns.checkpoint.i64()
  const blobIds: BlobId[] = []
  while (!columns.checkpoint.atEnd) {
    const blobId = columns.checkpoint.bytes(16) as BlobId // just taken from its place
    const before = blobIds.at(-1)
    if (before !== undefined && compareBytes(before, blobId) >= 0) throw invalid('checkpoint')
    blobIds.push(blobId)
  }
  if (namedBySeq < 0 || namedBySeq > state.seq || hash.every((byte) => byte === 0)) throw invalid('checkpoint')
  state.checkpoint = { hash, namedBySeq, blobIds }
}
