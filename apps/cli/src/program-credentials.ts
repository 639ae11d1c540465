import { KDF_PROFILES } from '@strongroom/client'
import { type Command, Option } from 'commander'
import { deleteAccount, fetchReceipt, verifyReceipt } from './commands/account-delete.ts'
import { passwd, renameAccount } from './commands/credentials.ts'
import { renewRecovery, testRecovery, useRecovery } from './commands/recovery.ts'
import type { Run } from './program-run.ts'

/** What stretches a new password. */
export const kdfOption = (): Option =>
  new Option('--kdf <profile>', 'what stretches the password').choices([...KDF_PROFILES])

const recoveryFile = (): Option =>
  new Option('--recovery-file <file>', 'write the new recovery key to this new file instead of showing it')

const recoveryKeyFile = (): Option =>
  new Option('--recovery-key-file <file>', 'read the recovery key from this file (STRONGROOM_RECOVERY_KEY_FILE)')

/** Verbs about password, login name and recovery key. */
export function addCredentialVerbs(program: Command, run: Run): void {
  program
    .command('passwd')
    .description('change the password; your other devices have to sign in again')
    .addOption(kdfOption())
    .action(run(passwd))
  const account = program.command('account').description('change the account itself')
  account
    .command('rename')
    .description('change the login name, which needs the password')
    .argument('<login>', 'the new login name')
    .action(run(renameAccount))
  account
    .command('delete')
    .description('delete the account for good, with all files and keys')
    .option('--confirm <login>', 'the login name of the account, instead of being asked for it')
    .option('--receipt <file>', "write the server's receipt to this new file")
    .action(run(deleteAccount))
  account
    .command('receipt')
    .description('get the receipt for an account that was deleted from this device, again')
    .option('--account <id>', 'which account; default: the last')
    .option('--receipt <file>', 'write it to this new file')
    .action(run(fetchReceipt))
  program
    .command('verify-receipt')
    .description('check a receipt for a deleted account, and say what it says')
    .argument('<file>', 'as "account delete" wrote it')
    .option('--key <hex>', "a server's key for receipts; default: those that this device has pinned")
    .action(run(verifyReceipt))
  const recovery = program.command('recovery').description('test, use or replace the recovery key')
  recovery
    .command('test')
    .description('see whether a recovery key is that of the account')
    .addOption(recoveryKeyFile())
    .action(run(testRecovery))
  recovery
    .command('use')
    .description('sign in without the password: sets a new one and makes a new recovery key')
    .argument('[login]', 'login name; asked for when absent')
    .option('--server <url>', 'address of the server (STRONGROOM_SERVER)')
    .addOption(recoveryKeyFile())
    .addOption(recoveryFile())
    .addOption(kdfOption())
    .option('--device-name <name>', 'how this device is listed; default: the host name')
    .action(run(useRecovery))
  recovery
    .command('new')
    .description('replace the recovery key, which needs the password')
    .addOption(recoveryFile())
    .action(run(renewRecovery))
}
