import { z } from 'zod'
import { CONFIG } from '../../packages/server/src/config.ts'

interface Variable {
  description?: string
  default?: unknown
  enum?: string[]
}

const HEAD = `# Configuration

Generated from \`packages/server/src/config.ts\` by \`npm run generate\`. The server reads environment variables only; empty
ones count as not set, and a value that it cannot use ends the start with one line that names the variable.

| Variable | Default | Meaning |
|---|---|---|
`

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}

/** Text of `docs/configuration.md`. */
export function configurationPage(): string {
  const schema = z.toJSONSchema(CONFIG, { io: 'input', unrepresentable: 'any' })
  // Reason: what becomes a number on the way in has its default only on the way out.
  const parsed: Record<string, unknown> = CONFIG.parse({})
  const rows = Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const variable = property as Variable // every property of the schema is one, never a bare boolean
    if (variable.description === undefined) throw new Error(`${name} has no description.`)
    const preset = variable.default ?? (typeof parsed[name] === 'number' ? parsed[name] : '')
    const choices =
      variable.enum === undefined ? '' : ` One of ${variable.enum.map((value) => `\`${value}\``).join(', ')}.`
    return `| \`${name}\` | ${preset === '' ? '–' : `\`${cell(String(preset))}\``} | ${cell(variable.description)}${choices} |`
  })
  return `${HEAD}${rows.join('\n')}\n`
}
