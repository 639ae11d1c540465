import type { CommandContext } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import type { Admin } from './serve.ts'

interface GcAnswer {
  readonly dryRun: boolean
  readonly jobs: readonly { readonly job: string; readonly busy: boolean; readonly done: Record<string, number> }[]
}

/** `admin gc`: runs everything that servers do in the background, now, and says what was removed. */
export async function adminGc(
  { output, signal }: CommandContext,
  admin: Admin,
  flags: { dryRun?: boolean },
): Promise<ExitCode> {
  const answer = (await admin.call('gc', { dryRun: flags.dryRun ?? false }, { signal })) as GcAnswer // checked there
  if (output.json) {
    output.document(answer)
    return EXIT.done
  }
  for (const { job, busy, done } of answer.jobs) {
    const numbers = Object.entries(done).filter(([, number]) => number !== 0)
    const what = numbers.map(([name, number]) => `${name} ${number}`).join(', ') || 'nothing'
    output.line(`${job.padEnd(14)}  ${busy ? 'a server is at it' : what}`)
  }
  return EXIT.done
}
