import { readFile, stat } from 'node:fs/promises'
import { systemCode } from '../../system-code.ts'
import { EmbeddedDatabaseError } from './error.ts'
import type { RunAs } from './files.ts'

interface PasswdEntry extends RunAs {
  readonly name: string
}

async function passwdEntries(): Promise<PasswdEntry[]> {
  const text = await readFile('/etc/passwd', 'utf8').catch(() => '')
  return text
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => fields.length >= 4)
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
}

/**
 * Who PostgreSQL is to run as: null when this process is an ordinary user; as root the owner of the cluster, if there
 * is one already, else the user `postgres`, else `nobody`, because PostgreSQL refuses to run as root.
 */
export async function chooseRunAs(cluster: string): Promise<RunAs | null> {
  if (process.getuid?.() !== 0) return null
  const entries = await passwdEntries()
  try {
    const { uid, gid } = await stat(cluster)
    if (uid !== 0) return { uid, gid }
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
  }
  const entry = entries.find(({ name }) => name === 'postgres') ?? entries.find(({ name }) => name === 'nobody')
  if (entry === undefined || entry.uid === 0) {
    throw new EmbeddedDatabaseError(
      'permission_denied',
      'PostgreSQL does not run as root, and this system has neither a user "postgres" nor "nobody"; start as an ordinary user.',
    )
  }
  return { uid: entry.uid, gid: entry.gid }
}

/** Name of the user that this process runs as, for PostgreSQL's peer check. */
export async function ownUserName(): Promise<string> {
  const uid = process.getuid?.()
  const entry = (await passwdEntries()).find((candidate) => candidate.uid === uid)
  if (entry !== undefined) return entry.name
  // Reason: directory services (LDAP, macOS) hold users that /etc/passwd does not list.
  const { userInfo } = await import('node:os')
  try {
    return userInfo().username
  } catch (error) {
    throw new EmbeddedDatabaseError(
      'permission_denied',
      `The user id ${uid} has no entry in /etc/passwd, which PostgreSQL needs; add one or start as another user.`,
      { cause: error },
    )
  }
}
