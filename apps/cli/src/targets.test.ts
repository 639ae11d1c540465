import { describe, expect, it } from 'vitest'
import { EXIT } from './exit-codes.ts'
import { CliError } from './failure.ts'
import type { Output } from './output.ts'
import { failureList } from './targets.ts'

function listening(): { output: Output; lines: string[] } {
  const lines: string[] = []
  const output: Output = {
    json: false,
    quiet: false,
    verbose: false,
    interactive: false,
    warn: (line: string) => void lines.push(line),
    note: () => undefined,
    line: () => undefined,
    document: () => undefined,
  }
  return { output, lines }
}

describe('failures of one of several things', () => {
  it('name the thing once, whether or not the message does', () => {
    const { output, lines } = listening()
    const failures = failureList(output)
    failures.add('/a', new CliError(EXIT.failed, 'It is locked.'))
    failures.add('/b', new CliError(EXIT.usage, '"/b" is a folder.'))
    expect(lines).toEqual(['strongroom: "/a": It is locked.', 'strongroom: "/b" is a folder.'])
  })

  it('end the whole command when nothing else can succeed either', () => {
    const failures = failureList(listening().output)
    const tampered = new CliError(EXIT.integrity, 'Verification failed.')
    expect(() => failures.add('/a', tampered)).toThrow(tampered)
    expect(failures.list).toEqual([])
  })
})
