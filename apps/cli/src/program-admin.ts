import type { Command } from 'commander'
import { type AdminAction, type AdminFlags, withAdmin, withServerCode } from './admin.ts'
import { adminDisable, adminEnable, adminQuota } from './commands/admin-accounts.ts'
import { adminAuditVerify } from './commands/admin-audit.ts'
import { adminBackup, adminRestore, type RestoreFlags } from './commands/admin-backup.ts'
import { adminDisclose } from './commands/admin-disclose.ts'
import { adminGc } from './commands/admin-gc.ts'
import { adminInvite, adminInviteList, adminInviteRevoke } from './commands/admin-invite.ts'
import { adminKmsDestroyRetired, adminKmsRotate, adminKmsRotateOuter, adminKmsStatus } from './commands/admin-kms.ts'
import { adminUsers } from './commands/admin-users.ts'
import { adminVerify } from './commands/admin-verify.ts'
import type { ServerLoader } from './commands/serve.ts'
import type { Run } from './program-run.ts'

const ADMIN_HELP = `
An ACCOUNT is its id, or its login name. Run it as the user and with the settings of the server (STRONGROOM_DATA, or
DATABASE_URL, BLOB_URL and KMS_URL): it works through the socket of the running server, or on the database directly.`

/** Verbs for who runs a server; each opens the way to it first. */
export function addAdminVerbs(
  program: Command,
  run: Run,
  input: { findServer: ServerLoader; serverInstalled: boolean },
): void {
  const admin = program
    .command('admin', { hidden: !input.serverInstalled })
    .description('look after a server: accounts, quotas, invitations, keys')
    .option('--data <folder>', 'folder of the server (STRONGROOM_DATA)')
    .addHelpText('after', ADMIN_HELP)
  const onServer = <A extends unknown[]>(action: AdminAction<A>) =>
    run((context, ...args: A) =>
      withAdmin(context, input.findServer, admin.opts<AdminFlags>(), (way) => action(context, way, ...args)),
    )

  admin
    .command('users')
    .description('list accounts, the oldest first: id, created, last use, sessions, 2FA, usage, state')
    .argument('[account]', 'only this one')
    .option('--limit <number>', 'at most so many, up to 1000 (default: 100)')
    .option('--after <place>', 'go on from here, as the list before said')
    .option('--all', 'the whole list')
    .action(onServer(adminUsers))
  admin
    .command('quota')
    .description('show what an account may store, or set it')
    .argument('<account>')
    .argument('[bytes]', 'as 500M or 2TiB, or "default"')
    .action(onServer(adminQuota))
  admin
    .command('disable')
    .description('let nobody use an account; nothing of it is deleted')
    .argument('<account>')
    .action(onServer(adminDisable))
  admin
    .command('enable')
    .description('let a disabled account be used again')
    .argument('<account>')
    .action(onServer(adminEnable))
  const invite = admin
    .command('invite')
    .description('make a code that lets accounts be made; "invite list" and "invite revoke" manage them')
    .option('--uses <number>', 'accounts that it is good for (default: 1)')
    .option('--expires <days>', 'days until it ends, or "never" (default: 14)')
    .option('--quota <bytes>', 'what each of these accounts may store (default: as the server says)')
    .action(onServer(adminInvite))
  invite
    .command('list')
    .description('list invitations that can be used')
    .option('--all', 'also those that cannot')
    .action(onServer(adminInviteList))
  invite
    .command('revoke')
    .description('take invitations back; accounts made with them stay')
    .argument('<ids...>', 'invitations, by the first digits of their ids')
    .action(onServer(adminInviteRevoke))
  admin
    .command('gc')
    .description('remove now what servers would remove in the background')
    .option('-n, --dry-run', 'say what would be removed, and do nothing')
    .action(onServer(adminGc))
  admin
    .command('audit')
    .description('look after the audit logs')
    .command('verify')
    .description('compute the audit logs of all accounts anew, and compare')
    .argument('[account]', 'only this one')
    .action(onServer(adminAuditVerify))
  admin
    .command('verify')
    .description('hold database and blob store against each other, without any key of a user; changes nothing')
    .option('--deep', 'read every stored object too, and compare it with its digests')
    .option('--keys', 'open what is sealed under outer keys too; asks the key service once for each account')
    .option('--after <place>', 'go on where an earlier run was interrupted, as it said')
    .action(onServer(adminVerify))
  admin
    .command('backup')
    .description('copy everything into a folder while users work; run again, it copies only new blobs')
    .argument('<folder>', 'where to: empty, or with earlier backups; on another disk')
    .option('--without-keys', 'leave the key file out; keep a copy of it elsewhere')
    .option('--keep <number>', 'then remove all but so many of the newest backups')
    .action(onServer(adminBackup))
  admin
    .command('restore')
    .description('put a backup into an empty data folder, with no server running')
    .argument('<folder>', 'with backups')
    .option('--at <name>', 'this backup (default: the newest)')
    .option('--keys <file>', 'a copy of the key file, for backups without keys')
    .option('--list', 'show what is there, and do nothing')
    .option('--check', 'read the whole backup and compare it with its digests, and restore nothing')
    .option('--skip-damaged', 'go on where blobs of the backup are gone or changed')
    .option('--keep-sessions', 'let sessions go on that were open when the backup was made')
    .action(
      run((context, folder: string, flags: RestoreFlags) =>
        withServerCode(context, input.findServer, admin.opts<AdminFlags>(), (own, server) =>
          adminRestore(own, server, folder, flags),
        ),
      ),
    )
  const kms = admin.command('kms').description('keys of the key service: status, rotation, destruction')
  kms
    .command('status')
    .description('keys, their states, outer keys under each, rotations')
    .action(onServer(adminKmsStatus))
  kms
    .command('rotate')
    .description('move all outer keys to a new shared key, or go on with it; users are at work meanwhile')
    .option('--to <key>', 'a key that you made (default: one is made now)')
    .option('--own', 'instead, give accounts that have keys of their own new ones; those of the last day are left')
    .option('--account <account>', 'instead, give this account, which has a key of its own, a new one')
    .action(onServer(adminKmsRotate))
  kms
    .command('rotate-outer')
    .description('give an account a new outer key and seal its rows again')
    .argument('<account>')
    .action(onServer(adminKmsRotateOuter))
  kms
    .command('destroy-retired')
    .description('have keys destroyed under which nothing is left')
    .option('--days <days>', 'how long the key service waits, 7 to 30', '30')
    .action(onServer(adminKmsDestroyRetired))
  admin
    .command('disclose')
    .description('print all that the server holds about an account, as JSON; the account can read that it was done')
    .argument('<account>')
    .option('--full', 'stored keys and ciphertext too, not only how long they are')
    .action(onServer(adminDisclose))
}
