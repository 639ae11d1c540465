import { KDF_PROFILES } from '@strongroom/client'
import { type Command, Option } from 'commander'
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
