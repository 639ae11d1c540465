import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { CHECKPOINT_ATTACKS } from './checkpoints/attacks.ts'
import { CHECKS } from './checks/checks.ts'
import { KINDS, type LieCase } from './liar/attempt.ts'
import { LIES } from './liar/cases/all.ts'
import { ATTACKS } from './tampering/attacks.ts'

const README = new URL('../README.md', import.meta.url)

/** Rows of the table after a comment, without the padding that formatting adds. */
async function tableAfter(comment: string): Promise<string[]> {
  const text = await readFile(README, 'utf8')
  const [, after = ''] = text.split(comment)
  const lines = after.split('\n').map((line) => line.replaceAll(/ +/g, ' '))
  const start = lines.findIndex((line) => line.startsWith('| '))
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'))
  return lines.slice(start + 2, end)
}

/** The verb as a user would name it. */
function verbOf({ command }: LieCase): string {
  const [verb = '', ...words] = command
  return words.includes('-r') ? `${verb} -r` : verb
}

/** For each kind of attack, which verbs meet it how often. */
function matrix(): string[] {
  return KINDS.map((kind) => {
    const verbs = new Map<string, number>()
    for (const lie of LIES) if (lie.kind === kind) verbs.set(verbOf(lie), (verbs.get(verbOf(lie)) ?? 0) + 1)
    const told = [...verbs].sort(([a], [b]) => (a < b ? -1 : 1)).map(([verb, count]) => `\`${verb}\` ${count}`)
    return `| ${kind} | ${told.join(', ')} |`
  })
}

describe('the tables in README.md', () => {
  it('name every attack on stored data with its checks and what its mutant shows', async () => {
    const rows = ATTACKS.map(({ name, checks, leak }) => `| ${name} | ${checks.join(', ')} | ${leak} |`)
    expect(await tableAfter('<!-- attacks')).toEqual(rows)
  })

  it('name every lie with its verb, its exit code, its checks and what its mutant shows', async () => {
    const rows = LIES.map((lie) => {
      const { name, exitCode = 5, without, leak } = lie
      return `| ${name} | \`${verbOf(lie)}\` | ${exitCode} | ${without.join(', ')} | ${leak} |`
    })
    expect(await tableAfter('<!-- lies')).toEqual(rows)
  })

  it('name every lie about checkpoints with who is lied to, and its checks', async () => {
    const rows = CHECKPOINT_ATTACKS.map(
      ({ name, looker, without }) => `| ${name} | ${looker} | ${without.join(', ')} |`,
    )
    expect(await tableAfter('<!-- checkpoints')).toEqual(rows)
  })

  it('tell which verbs meet which kind of lie', async () => {
    expect(await tableAfter('<!-- matrix')).toEqual(matrix())
  })

  it('leave no check without an attack, and no kind of attack without a lie', () => {
    const used = new Set<string>([
      ...ATTACKS.flatMap(({ checks }) => checks),
      ...[...LIES, ...CHECKPOINT_ATTACKS].flatMap(({ without }) => without),
      // Of the checkpoints that an owner forged.
      ...['hash of a checkpoint', 'hash of the state', 'state that the device computed'],
      // Of waiting for changes.
      'a pause before waiting again',
      // Of what nothing can verify.
      ...['compiled-in parameters', 'times of the calendar'],
    ])
    expect(Object.keys(CHECKS).filter((check) => !used.has(check))).toEqual([])
    expect(KINDS.filter((kind) => !LIES.some((lie) => lie.kind === kind))).toEqual([])
  })
})
