import { Command, type CommanderError, Option } from 'commander'
import { type AdminFlags, withServerCode } from './admin.ts'
import { login, logout, register, whoami } from './commands/account.ts'
import { cat, ls, mkdir } from './commands/browse.ts'
import { cp, mv, rm } from './commands/change.ts'
import { doctor } from './commands/doctor.ts'
import { get } from './commands/get.ts'
import { put } from './commands/put.ts'
import { type ServerLoader, serve } from './commands/serve.ts'
import type { CommandContext } from './context.ts'
import { sentence } from './errors.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { UsageError } from './failure.ts'
import { addAdminVerbs } from './program-admin.ts'
import { addCredentialVerbs, kdfOption } from './program-credentials.ts'
import { addDeviceVerbs } from './program-devices.ts'
import { addHistoryVerbs } from './program-history.ts'
import { addKeyVerbs } from './program-keys.ts'
import type { Run } from './program-run.ts'
import { addSecondFactorVerbs } from './program-second-factor.ts'

/** What the program needs from the process that runs it. */
export interface ProgramInput {
  readonly version: string
  /** The context for a verb, from the flags that all verbs have. */
  readonly context: (flags: { json?: boolean; quiet?: boolean; verbose?: boolean }) => CommandContext
  readonly findServer: ServerLoader
  /** Whether help shows `serve`. */
  readonly serverInstalled: boolean
  readonly onExitCode: (code: ExitCode) => void
}

const ENVIRONMENT_HELP = `
Remote paths are absolute, as /photos/a.jpg; "-" is stdin or stdout; "--" ends the options.

Environment:
  STRONGROOM_SERVER            address of the server
  STRONGROOM_HOME              folder for sign-in and local state
  STRONGROOM_PASSWORD          the password, or
  STRONGROOM_PASSWORD_FILE     a file that holds it, or
  STRONGROOM_PASSWORD_COMMAND  a command that prints it
  STRONGROOM_NEW_PASSWORD      the new password, for passwd and recovery (also _FILE, _COMMAND)
  STRONGROOM_RECOVERY_KEY_FILE a file that holds the recovery key
  STRONGROOM_CODE              a code of the second factor (also _FILE, _COMMAND)
  STRONGROOM_INVITE            an invitation, for register

Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 authentication, 5 integrity, 6 conflict,
7 server or network, 8 quota, 9 partly done, 130 interrupted.`

/** The command line with every verb that works. */
export function createProgram(input: ProgramInput): Command {
  const program = new Command('strongroom')
    .description('Zero-knowledge file storage: files are encrypted here, before they reach the network.')
    .version(input.version, '-V', 'print the version, as --version alone does')
    .option('--json', 'print the result as JSON')
    .option('-q, --quiet', 'print data and errors only')
    .option('-v, --verbose', 'with an error, print what caused it')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [verb]', 'print help for a verb')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', ENVIRONMENT_HELP)
    .configureOutput({ outputError: () => {} })
    .allowExcessArguments(false)

  const run: Run =
    (action) =>
    async (...args) => {
      // commander appends the command itself, which actions do not take
      input.onExitCode(await action(input.context(program.opts()), ...(args as never)))
    }

  program
    .command('serve', { hidden: !input.serverInstalled })
    .description('run a server in this terminal; settings come from the environment')
    .option('--port <number>', 'port to listen on (PORT)')
    .option('--host <address>', 'address to listen on (HOST)')
    .option('--data <folder>', 'folder for everything that the server keeps (STRONGROOM_DATA)')
    .action(run((_context, flags: Parameters<typeof serve>[1]) => serve(input.findServer, flags)))

  program
    .command('doctor', { hidden: !input.serverInstalled })
    .description("try a server's settings and engines as server and as browser, and say what to change")
    .option('--data <folder>', 'folder of the server (STRONGROOM_DATA)')
    .option('--policies', 'print the CORS rules and the policy to paste, also where nothing is wrong')
    .action(
      run((context, flags: AdminFlags & { policies?: boolean }) =>
        withServerCode(context, input.findServer, flags, (own, server) => doctor(own, server, flags)),
      ),
    )

  addAccountVerbs(program, run)
  addCredentialVerbs(program, run)
  addBrowsingVerbs(program, run)
  addTransferVerbs(program, run)
  addChangingVerbs(program, run)
  addHistoryVerbs(program, run)
  addDeviceVerbs(program, run)
  addKeyVerbs(program, run)
  addSecondFactorVerbs(program, run)
  addAdminVerbs(program, run, input)
  explainUsage(program, 'strongroom')
  return program
}

/** Lets every verb say of a wrong call where its own help is. */
function explainUsage(command: Command, name: string): void {
  command.exitOverride((error: CommanderError) => {
    // Help or version was printed.
    if (error.exitCode === EXIT.done || error.code === 'commander.help') throw error
    const line = sentence(error.message.replace(/^error:\s*/, ''))
    throw new UsageError(`${line} See "${name} --help".`, { cause: error })
  })
  for (const verb of command.commands) explainUsage(verb, `${name} ${verb.name()}`)
}

function addAccountVerbs(program: Command, run: Run): void {
  program
    .command('register')
    .description('make an account and sign in')
    .argument('[login]', 'login name; asked for when absent')
    .option('--server <url>', 'address of the server (STRONGROOM_SERVER)')
    .option('--recovery-file <file>', 'write the recovery key to this new file instead of showing it')
    .option('--invite <code>', 'invitation, where the server wants one (STRONGROOM_INVITE)')
    .option('--device-name <name>', 'how this device is listed; default: the host name')
    .addOption(kdfOption())
    .action(run(register))
  program
    .command('login')
    .description('sign in on this device')
    .argument('[login]', 'login name; asked for when absent')
    .option('--server <url>', 'address of the server (STRONGROOM_SERVER)')
    .option('--device-name <name>', 'how this device is listed; default: the host name')
    .action(run(login))
  program.command('logout').description('sign out and forget the keys on this device').action(run(logout))
  program.command('whoami').description('show the account, its usage and quota').action(run(whoami))
}

function addBrowsingVerbs(program: Command, run: Run): void {
  program
    .command('ls')
    .description('list a folder')
    .argument('[path]', 'remote path', '/')
    .option('-r, --recursive', 'everything below it')
    .option('-l, --long', 'with permissions, size and time (UTC)')
    .action(run(ls))
  program
    .command('mkdir')
    .description('make folders')
    .argument('<paths...>', 'remote paths')
    .option('-p, --parents', 'make missing folders above too; existing ones are fine')
    .addOption(dryRun())
    .action(run(mkdir))
  const catVerb = program
    .command('cat')
    .description('write files to stdout')
    .argument('<paths...>', 'remote paths')
    .option('--offset <bytes>', 'start here')
    .option('--length <bytes>', 'stop after this many')
  addTransferOptions(catVerb).action(run(cat))
}

function addTransferVerbs(program: Command, run: Run): void {
  const putVerb = program
    .command('put')
    .description('upload files; with -r folders, skipping what is unchanged')
    .usage('[options] <source...> <destination>')
    .argument('<paths...>', 'local sources ("-" is stdin), then a remote path')
    .option('-r, --recursive', 'folders with everything in them: "put -r dir /dst" makes /dst/dir')
  addFilterOptions(addTransferOptions(putVerb))
    .addOption(conflict('what to do when the target exists (default: replace, as a new version)'))
    .addOption(dryRun())
    .action(run(put))
  const getVerb = program
    .command('get')
    .description('download files; with -r folders, skipping what is unchanged')
    .usage('[options] <source...> [destination]')
    .argument('<paths...>', 'remote sources, then a local path ("-" is stdout); default: the current folder')
    .option('-r, --recursive', 'folders with everything in them: "get -r /dir dst" makes dst/dir')
  addFilterOptions(addTransferOptions(getVerb))
    .addOption(conflict('what to do when the target exists (default: replace)'))
    .option('--version <number>', 'this version of a file, as "versions" shows them')
    .addOption(dryRun())
    .action(run(get))
}

function addChangingVerbs(program: Command, run: Run): void {
  program
    .command('mv')
    .description('move or rename')
    .usage('[options] <source...> <destination>')
    .argument('<paths...>', 'remote paths; the last is where to')
    .addOption(conflict('what to do when the target exists (default: replace; the old one goes to the trash)'))
    .addOption(dryRun())
    .action(run(mv))
  program
    .command('cp')
    .description('copy without uploading again')
    .usage('[options] <source...> <destination>')
    .argument('<paths...>', 'remote paths; the last is where to')
    .option('-r, --recursive', 'folders with everything in them')
    .addOption(conflict('what to do when the target exists (default: replace; the old one goes to the trash)'))
    .addOption(dryRun())
    .action(run(cp))
  program
    .command('rm')
    .description('move to the trash')
    .argument('<paths...>', 'remote paths')
    .option('-r, --recursive', 'folders with everything in them')
    .option('--permanent', 'destroy for good instead')
    .addOption(dryRun())
    .action(run(rm))
}

const dryRun = (): Option => new Option('-n, --dry-run', 'say what would happen, and do nothing')

const conflict = (description: string): Option =>
  new Option('--conflict <mode>', description).choices(['replace', 'keep-both', 'skip'])

function addTransferOptions(command: Command): Command {
  return command
    .option('-j, --jobs <number>', 'parts in flight, 1 to 32 (default: what suits the link)')
    .option('--limit-rate <rate>', 'most bytes per second, as 500k, 2M or 1.5MiB')
}

function addFilterOptions(command: Command): Command {
  const collect = (value: string, before: string[] = []): string[] => [...before, value]
  return command
    .option('--include <glob>', 'only what matches; may be given again', collect)
    .option('--exclude <glob>', 'not what matches; may be given again', collect)
}
