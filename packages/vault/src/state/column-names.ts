import type { ColumnReader } from './column-reader.ts'
import type { ColumnWriter } from './column-writer.ts'

/** Names of the columns, in the order of the array; `spec/vault-log.md` §9 gives the layout of each. */
export const COLUMNS = [
  'vault',
  'nodeIds',
  'parents',
  'nameLengths',
  'names',
  'kinds',
  'payloadLengths',
  'payloads',
  'createdMs',
  'trashed',
  'trashedMs',
  'versionCounts',
  'versionIds',
  'mtimeMs',
  'modes',
  'versionTimeMs',
  'versionAuthors',
  'authors',
  'contentCounts',
  'contentSlots',
  'slots',
  'blobIds',
  'headers',
  'sizes',
  'partSizes',
  'partsRoots',
  'dekTimeMs',
  'records',
  'changeIds',
  'imbalance',
  'checkpoint',
] as const

export type ColumnName = (typeof COLUMNS)[number]
export type ColumnWriters = Record<ColumnName, ColumnWriter>
export type ColumnReaders = Record<ColumnName, ColumnReader>
