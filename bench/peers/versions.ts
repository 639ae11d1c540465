import { isInstalled, outputOf } from '../programs.ts'
import { MODULES, moduleVersion } from './cache.ts'

const PROGRAMS = [
  ['age', ['--version']],
  ['rclone', ['version']],
  ['restic', ['version']],
  ['gocryptfs', ['-version']],
  ['openssl', ['version']],
  ['cp', ['--version']],
  ['ceph', ['--version']],
  ['haproxy', ['-v']],
] as const

/** Versions of the peers that are installed, by name. */
export function peerVersions(): Record<string, string> {
  const programs = PROGRAMS.flatMap(([name, parameters]) => {
    const version = isInstalled(name) ? versionOf(name, parameters) : null
    return version === null ? [] : [[name, version] as const]
  })
  const modules = Object.keys(MODULES).flatMap((name) => {
    const version = moduleVersion(name)
    return version === null ? [] : [[name, version] as const]
  })
  return Object.fromEntries([...programs, ...modules])
}

function versionOf(name: string, parameters: readonly string[]): string | null {
  try {
    return /\d+\.\d[\w.+-]*/.exec(outputOf(name, parameters))?.[0] ?? null
  } catch {
    return null
  }
}
