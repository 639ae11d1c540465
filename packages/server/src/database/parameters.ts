import { type RawBuilder, sql } from 'kysely'

/*
 * [Note: One of many]  PostgreSQL plans a prepared statement with an array anew each time: with the array in sight it
 * expects fewer rows than without. That costs more than the statement where it has one row, as most have, since most
 * commits and requests are about one file. So one row is asked for in a form whose plan is kept.
 */

/** What follows a column that has to be one of `ids`. */
export function oneOf(ids: readonly Uint8Array[]): RawBuilder<unknown> {
  const [only] = ids
  return only !== undefined && ids.length === 1 ? sql`= ${only}` : sql`= ANY(${ids}::bytea[])`
}

/** A column of rows that travel with a statement, all columns as long. */
interface Column {
  readonly type: 'bytea' | 'bigint' | 'integer' | 'text'
  readonly values: readonly unknown[]
}

/** Rows to name with `AS t (…)`, in no order. */
export function rowsOf(...columns: readonly Column[]): RawBuilder<unknown> {
  const isOne = columns.every(({ values }) => values.length === 1)
  const parameters = columns.map(({ type, values }) =>
    isOne ? sql`${values[0]}::${sql.raw(type)}` : sql`${values}::${sql.raw(type)}[]`,
  )
  return isOne ? sql`(VALUES (${sql.join(parameters)}))` : sql`unnest(${sql.join(parameters)})`
}
