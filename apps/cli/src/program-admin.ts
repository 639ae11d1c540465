import type { Command } from 'commander'
import { type AdminAction, type AdminFlags, withAdmin } from './admin.ts'
import { adminUsers } from './commands/admin-users.ts'
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
    .description('run a server: accounts, quotas, invitations, keys')
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
}
