import type { Command } from 'commander'
import { find } from './commands/find.ts'
import { retention } from './commands/retention.ts'
import { restore, trash, trashEmpty } from './commands/trash.ts'
import { verify } from './commands/verify.ts'
import { versions } from './commands/versions.ts'
import type { Run } from './program-run.ts'

/** Verbs that look back, and find. */
export function addHistoryVerbs(program: Command, run: Run): void {
  const trashVerb = program
    .command('trash')
    .description('list what is in the trash; "trash empty" destroys it')
    .action(run((context) => trash(context)))
  trashVerb
    .command('empty')
    .description('destroy what is in the trash, after asking')
    .option('--older-than <days>', 'only what has been there for so many days')
    .option('-y, --yes', 'do not ask')
    .option('-n, --dry-run', 'say what would happen, and do nothing')
    .action(run(trashEmpty))
  program
    .command('restore')
    .description('take out of the trash, or make an old version the newest')
    .argument('<what...>', 'remote paths as they were, or ids as "trash" shows them')
    .option('--to <path>', 'a remote folder, or the whole new path')
    .option('--version <number>', 'make this version of a file the newest again')
    .action(run(restore))
  program
    .command('versions')
    .description('list the versions of a file')
    .argument('<path>', 'remote path')
    .action(run(versions))
  program
    .command('verify')
    .description('compare what is stored with its signed digests, all versions and the trash too; changes nothing')
    .argument('[path]', 'only this file, or this folder with all below it')
    .option('--decrypt', 'decrypt it as well, and throw the plaintext away')
    .option('--sample <share>', 'a part of it, chosen at random, as 5%')
    .option('--restart', 'begin anew where an earlier run was interrupted')
    .option('-j, --jobs <number>', 'parts in flight, 1 to 32 (default: 4)')
    .option('--limit-rate <rate>', 'most bytes per second, as 500k, 2M or 1.5MiB')
    .action(run(verify))
  program
    .command('retention')
    .description('show or set how long the trash and old versions are kept')
    .option('--trash <days>', 'days in the trash, or never to destroy nothing')
    .option('--versions <days>', 'days after a version was replaced, or never')
    .action(run(retention))
  program
    .command('find')
    .description('look for names, in what this device saw last')
    .argument('<pattern>', 'a part of the name, or a glob; with a slash, of the path')
    .argument('[path]', 'where to look', '/')
    .option('--type <kind>', 'file, folder or symlink')
    .option('--size <bytes>', 'files of that size; +1M for at least, -1M for at most')
    .option('--newer <when>', 'changed since a date (2024-02-29) or age (12h, 7d)')
    .action(run(find))
}
