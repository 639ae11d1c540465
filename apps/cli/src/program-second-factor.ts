import type { Command } from 'commander'
import {
  disableSecondFactor,
  enableSecondFactor,
  newBackupCodes,
  secondFactorStatus,
} from './commands/second-factor.ts'
import type { Run } from './program-run.ts'

/** Verbs about the second factor of a sign-in. */
export function addSecondFactorVerbs(program: Command, run: Run): void {
  const verb = program
    .command('2fa')
    .description('second factor: whether signing in asks for a code; "2fa enable" turns it on')
    .action(run((context) => secondFactorStatus(context)))
  verb
    .command('status')
    .description('say whether it is on')
    .action(run((context) => secondFactorStatus(context)))
  verb
    .command('enable')
    .description('set up an authenticator and turn it on')
    .option('--backup-file <file>', 'write the backup codes to this new file instead of showing them')
    .option('--begin', 'only print the secret, for scripts')
    .option('--confirm <id>', 'turn on what --begin began')
    .action(run(enableSecondFactor))
  verb
    .command('disable')
    .description('turn it off; takes the password and a code')
    .action(run((context) => disableSecondFactor(context)))
  verb
    .command('backup-codes')
    .description('make new backup codes; the old ones work no more')
    .option('--backup-file <file>', 'write them to this new file instead of showing them')
    .action(run(newBackupCodes))
}
