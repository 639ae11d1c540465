import { type Row, ratio, summarise } from './measure.ts'
import { targetOf } from './targets.ts'

function digits(value: number): string {
  if (value >= 100) return value.toFixed(0)
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/**
 * A Markdown table: medians, spread and the ratio of ours to each peer.
 *
 * @param options.hasTargets - whether sizes and counts are those that targets are for
 */
export function table(title: string, rows: readonly Row[], { hasTargets }: { hasTargets: boolean }): string {
  const lines = rows.map((row) => {
    const summary = summarise(row.samples)
    if (summary === null) return [row.task, row.by, `absent: ${row.absent ?? 'not measured'}`, '', '', '']
    const spread = `${digits(summary.least)} – ${digits(summary.most)}`
    const better = ratio(row, rows)
    const target = hasTargets ? targetOf(row, rows) : null
    return [
      ...[row.task, row.by, `${digits(summary.median)} ${row.unit}`, spread],
      better === null ? '' : `${better.toFixed(2)} ×`,
      target === null ? '' : `${target.text}: ${target.isMet ? 'met' : 'missed'}`,
    ]
  })
  const head = ['what', 'who', 'median', 'spread', 'strongroom against it', 'target']
  const widths = head.map((cell, column) => Math.max(cell.length, ...lines.map((line) => (line[column] ?? '').length)))
  const print = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`
  return [`### ${title}`, '', print(head), rule, ...lines.map(print), ''].join('\n')
}
