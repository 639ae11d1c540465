import type pg from 'pg'
import type { Haystack } from './needles.ts'

/** Every row of every table of the service, one haystack per column value. */
export async function dumpRows(pool: pg.Pool): Promise<Haystack[]> {
  const tables = await pool.query<{ schema: string; name: string }>(
    `SELECT table_schema AS schema, table_name AS name FROM information_schema.tables
     WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')`,
  )
  const found: Haystack[] = []
  for (const { schema, name } of tables.rows) {
    const rows = await pool.query<Record<string, unknown>>(`SELECT * FROM "${schema}"."${name}"`)
    rows.rows.forEach((row, index) => {
      for (const [column, value] of Object.entries(row)) {
        found.push({ name: `${name}[${index}].${column}`, bytes: valueBytes(value) })
      }
    })
  }
  return found
}

function valueBytes(value: unknown): Buffer {
  if (Buffer.isBuffer(value)) return value
  if (typeof value === 'string') return Buffer.from(value, 'utf8')
  return Buffer.from(JSON.stringify(value) ?? '', 'utf8')
}
