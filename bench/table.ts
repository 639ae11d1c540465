import { type Row, summarise } from './measure.ts'

const OURS = 'strongroom'

function digits(value: number): string {
  if (value >= 100) return value.toFixed(0)
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/** How many times better than this row ours is: above 1 ours is faster, or smaller. */
function ratio(row: Row, rows: readonly Row[]): string {
  const ours = summarise(rows.find((other) => other.task === row.task && other.by === OURS)?.samples ?? [])
  const theirs = summarise(row.samples)
  if (ours === null || theirs === null || row.by === OURS) return ''
  const better = row.unit.endsWith('/s') ? ours.median / theirs.median : theirs.median / ours.median
  return `${better.toFixed(2)} ×`
}

/** A Markdown table: medians, spread and the ratio of ours to each peer. */
export function table(title: string, rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const summary = summarise(row.samples)
    if (summary === null) return [row.task, row.by, `absent: ${row.absent ?? 'not measured'}`, '', '']
    const spread = `${digits(summary.least)} – ${digits(summary.most)}`
    return [row.task, row.by, `${digits(summary.median)} ${row.unit}`, spread, ratio(row, rows)]
  })
  const head = ['what', 'who', 'median', 'spread', 'strongroom against it']
  const widths = head.map((cell, column) => Math.max(cell.length, ...lines.map((line) => (line[column] ?? '').length)))
  const print = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`
  return [`### ${title}`, '', print(head), rule, ...lines.map(print), ''].join('\n')
}
