import type { Command } from 'commander'
import { audit } from './commands/audit.ts'
import { completion, completionPaths } from './commands/completion.ts'
import { restoreServer } from './commands/restore-server.ts'
import { revoke, sessions } from './commands/sessions.ts'
import { state } from './commands/state.ts'
import type { Run } from './program-run.ts'

/** Verbs about the account's devices. */
export function addDeviceVerbs(program: Command, run: Run): void {
  const sessionsVerb = program
    .command('sessions')
    .description('list where the account is signed in; "sessions revoke" signs out there')
    .action(run((context) => sessions(context)))
  sessionsVerb
    .command('revoke')
    .description('sign out elsewhere')
    .argument('[ids...]', 'sessions, by the first digits of their ids')
    .option('--all', 'every session but this one')
    .option('--everything', 'every session, this one too')
    .action(run(revoke))
  program
    .command('audit')
    .description('list what happened to the account: sign-ins, failed ones, changes of keys and passwords')
    .option('--since <when>', 'only since a date (2024-02-29) or age (12h, 7d)')
    .action(run(audit))
  const completionVerb = program
    .command('completion')
    .description('print a completion script for bash, zsh or fish')
    .argument('<shell>', 'bash, zsh or fish')
    .action(run((_context, shell: string) => completion(program, shell)))
  completionVerb.command('paths', { hidden: true }).argument('<prefix>').action(run(completionPaths))
  program
    .command('state')
    .description('print the code of what this device has seen last, to compare devices')
    .option('--compare <code>', 'compare with the code of another device')
    .action(run(state))
  program
    .command('restore-server')
    .description('give a server that was set back to an older backup the changes back that this device has seen')
    .option('-y, --yes', 'without asking')
    .action(run(restoreServer))
}
