import { readFile, writeFile } from 'node:fs/promises'
import type pg from 'pg'

/** Takes back what an attack did. */
export type Undo = () => Promise<void>

/** Rewrites a file through `change`, in place. */
export async function editFile(path: string, change: (bytes: Buffer) => Uint8Array): Promise<Undo> {
  const before = await readFile(path)
  await writeFile(path, change(Buffer.from(before)))
  return () => writeFile(path, before)
}

export interface Cell {
  readonly table: string
  readonly column: string
  /** SQL condition with $1 … for `values`. */
  readonly where: string
  readonly values: readonly unknown[]
}

/** The bytes in a column of the one row that the condition names. */
export async function readCell(pool: pg.Pool, cell: Cell): Promise<Buffer> {
  const found = await pool.query<{ value: Buffer }>(
    `SELECT ${cell.column} AS value FROM ${cell.table} WHERE ${cell.where}`,
    [...cell.values],
  )
  if (found.rows.length !== 1) throw new Error(`${cell.table}: ${found.rows.length} rows instead of one`)
  return (found.rows[0] as { value: Buffer }).value
}

/** Writes a value into a column of the one row that the condition names. */
export async function writeCell(pool: pg.Pool, cell: Cell, value: unknown): Promise<void> {
  const done = await pool.query(
    `UPDATE ${cell.table} SET ${cell.column} = $${cell.values.length + 1} WHERE ${cell.where}`,
    [...cell.values, value],
  )
  if (done.rowCount !== 1) throw new Error(`${cell.table}: ${done.rowCount} rows instead of one`)
}

/** Rewrites a column of one row through `change`. */
export async function editCell(pool: pg.Pool, cell: Cell, change: (value: Buffer) => unknown): Promise<Undo> {
  const before = await readCell(pool, cell)
  await writeCell(pool, cell, change(Buffer.isBuffer(before) ? Buffer.from(before) : before))
  return () => writeCell(pool, cell, before)
}

/** Undoes several things, the last first. */
export function undoAll(...undos: readonly Undo[]): Undo {
  return async () => {
    for (const undo of [...undos].reverse()) await undo()
  }
}

/** A copy with one bit changed; a negative position counts from the end. */
export function flipBit(bytes: Uint8Array, position: number): Buffer {
  const copy = Buffer.from(bytes)
  const at = position < 0 ? copy.length + position : position
  const byte = copy[at]
  if (byte === undefined) throw new Error('there is no such byte')
  copy[at] = byte ^ 1
  return copy
}
