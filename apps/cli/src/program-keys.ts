import type { Command } from 'commander'
import { keysPolicy, keysStatus } from './commands/keys.ts'
import { keysRotate } from './commands/keys-rotate.ts'
import type { Run } from './program-run.ts'

/** Verbs about the account's keys. */
export function addKeyVerbs(program: Command, run: Run): void {
  const keysVerb = program.command('keys').description('how old the keys of the account are, and new ones')
  keysVerb
    .command('status')
    .description('show the keys, how old they are, and what is due')
    .option('--older-than <age>', 'count what is older (90d), instead of what the policy says')
    .action(run(keysStatus))
  keysVerb
    .command('rotate')
    .description('make new keys: of contents that are due (--dek, the default), of the vault, or of the account')
    .option('--dek', 'encrypt contents anew whose keys are due: downloads and uploads them')
    .option('--epoch', 'a new vault key, under which the keys of contents are wrapped; moves no content')
    .option('--account', 'a new account key and recovery key; your other devices have to sign in again')
    .option('--leaked', 'when the password may be known to others: everything that opens the account')
    .option('--recovery-file <file>', 'write the new recovery key to this new file instead of showing it')
    .option('--discard-transfers', 'give up interrupted transfers of this device, which cannot go on afterwards')
    .option('--older-than <age>', 'contents with older keys (90d), instead of what the policy says')
    .option('-j, --jobs <number>', 'parts in flight, 1 to 32 (default: 4)')
    .option('--limit-rate <rate>', 'most bytes per second, as 500k, 2M or 1.5MiB')
    .option('-n, --dry-run', 'say what would happen, and do nothing')
    .action(run(keysRotate))
  keysVerb
    .command('policy')
    .description('show or set after which time contents are given new keys')
    .option('--contents <days>', 'days, or never')
    .action(run(keysPolicy))
}
