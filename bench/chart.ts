import { better, type Row, summarise } from './measure.ts'
import { escaped, svg } from './svg.ts'

const [WIDTH, LABELS, BAR, GAP, HEAD] = [960, 420, 18, 8, 56]
const OURS = /^strongroom/

/** Letters of a line that is as wide as a chart. */
const LETTERS = 105

/** A text in lines that a chart has room for. */
function wrapped(text: string): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const line = lines.pop()
    if (line === undefined) lines.push(word)
    else if (line.length + word.length < LETTERS) lines.push(`${line} ${word}`)
    else lines.push(line, word)
  }
  return lines
}

/** A bar for each row's median, a line for its spread; tasks one below the other, each on a scale of its own. */
export function chart(title: string, machine: string, rows: readonly Row[]): string {
  const tasks = [...new Set(rows.map((row) => row.task))]
  const parts: string[] = []
  let y = HEAD
  const text = (x: number, at: number, content: string, more = '') =>
    parts.push(`<text x="${x}" y="${at}"${more}>${escaped(content)}</text>`)
  for (const task of tasks) {
    const measured = rows.flatMap((row) => {
      const summary = row.task === task ? summarise(row.samples) : null
      return summary === null ? [] : [{ ...row, ...summary }]
    })
    if (measured.length === 0) continue
    const longest = Math.max(...measured.map(({ most }) => Math.abs(most)), Number.EPSILON)
    const scale = (WIDTH - LABELS - 120) / longest
    const which = better(measured[0]?.unit ?? '%')
    for (const line of wrapped(which === null ? task : `${task} (${which} is better)`)) {
      text(12, y + 12, line, ' class="task"')
      y += BAR + GAP / 4
    }
    y += (GAP * 3) / 4
    for (const { by, unit, median, least, most } of measured) {
      const x = (value: number): number => LABELS + Math.max(0, value) * scale
      const middle = y + BAR / 2
      text(LABELS - 8, y + 13, by, ' text-anchor="end"')
      const kind = OURS.test(by) ? 'ours' : 'theirs'
      parts.push(
        `<rect class="${kind}" x="${LABELS}" y="${y}" width="${(x(median) - LABELS).toFixed(1)}" height="${BAR}"/>`,
      )
      parts.push(`<path class="spread" d="M${x(least).toFixed(1)} ${middle}H${x(most).toFixed(1)}"/>`)
      text(x(most) + 6, y + 13, `${median >= 100 ? median.toFixed(0) : median.toPrecision(3)} ${unit}`)
      y += BAR + GAP
    }
    y += GAP
  }
  text(12, 42, machine, ' class="machine"')
  const style =
    'text{font:13px system-ui,sans-serif;fill:#222}.task,.title{font-weight:600}.ours{fill:#2563a8}' +
    '.theirs{fill:#b9c2cc}.spread{stroke:#222;stroke-width:1.5;fill:none}.machine{fill:#666}'
  return svg({ title, width: WIDTH, height: y, style, x: 12, y: 22, parts })
}
