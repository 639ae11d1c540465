import { mkdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isInstalled, outputOf, runProgram } from '../programs.ts'
import { peerModule } from './cache.ts'

/** Encrypts one file into another place, and back. */
export interface FilePeer {
  readonly by: string
  /** Why it cannot be measured. */
  readonly absent?: string
  encrypt(source: string, sealed: string): Promise<unknown>
  decrypt(sealed: string, target: string): Promise<unknown>
  /** Before each encryption, not timed. */
  prepare?(sealed: string): Promise<unknown>
  close?(): Promise<unknown>
}

const never = (): Promise<never> => Promise.reject(new Error('absent'))
const missing = (by: string, absent: string): FilePeer => ({ by, absent, encrypt: never, decrypt: never })
const program = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
/** What installs peers. */
export const PEERS = 'npm run bench -- --peers'

/** Every peer that can encrypt a file by itself; those that are not installed say so. */
export async function filePeers(folder: string): Promise<FilePeer[]> {
  return [
    await age(folder),
    openssl(),
    rclone(folder),
    restic(folder),
    await gocryptfs(folder),
    await typage(folder),
    aws(),
    copy,
  ]
}

async function age(folder: string): Promise<FilePeer> {
  const by = 'age, to a public key'
  if (!isInstalled('age') || !isInstalled('age-keygen')) return missing(by, `age is not installed (${PEERS})`)
  const identity = join(folder, 'age-identity')
  await runProgram('age-keygen', ['-o', identity])
  const recipient = outputOf('age-keygen', ['-y', identity]).trim()
  return {
    by,
    encrypt: (source, sealed) => runProgram('age', ['-e', '-r', recipient, '-o', sealed, source]),
    decrypt: (sealed, target) => runProgram('age', ['-d', '-i', identity, '-o', target, sealed]),
  }
}

function openssl(): FilePeer {
  const by = 'openssl enc aes-256-ctr (no authentication)'
  if (!isInstalled('openssl')) return missing(by, `openssl is not installed (${PEERS})`)
  const flags = ['enc', '-aes-256-ctr', '-K', '11'.repeat(32), '-iv', '22'.repeat(16)]
  return {
    by,
    encrypt: (source, sealed) => runProgram('openssl', [...flags, '-in', source, '-out', sealed]),
    decrypt: (sealed, target) => runProgram('openssl', [...flags, '-d', '-in', sealed, '-out', target]),
  }
}

function rclone(folder: string): FilePeer {
  const by = 'rclone crypt, to a local folder'
  if (!isInstalled('rclone')) return missing(by, `rclone is not installed (${PEERS})`)
  const env = {
    RCLONE_CONFIG: join(folder, 'rclone.conf'),
    RCLONE_CONFIG_BENCH_TYPE: 'crypt',
    RCLONE_CONFIG_BENCH_REMOTE: join(folder, 'rclone-files'),
    RCLONE_CONFIG_BENCH_PASSWORD: outputOf('rclone', ['obscure', 'a bench password']).trim(),
  }
  return {
    by,
    encrypt: (source, sealed) => runProgram('rclone', ['copyto', source, `bench:${basename(sealed)}`], { env }),
    decrypt: (sealed, target) => runProgram('rclone', ['copyto', `bench:${basename(sealed)}`, target], { env }),
    prepare: () => rm(join(folder, 'rclone-files'), { recursive: true, force: true }),
  }
}

function restic(folder: string): FilePeer {
  const by = 'restic backup, without compression (hashes, and flushes to the disk)'
  if (!isInstalled('restic')) return missing(by, `restic is not installed (${PEERS})`)
  const env = { RESTIC_PASSWORD: 'a bench password', RESTIC_CACHE_DIR: join(folder, 'restic-cache') }
  const repository = join(folder, 'restic-files')
  const run = (...parameters: string[]) => runProgram('restic', ['-r', repository, ...parameters], { env })
  return {
    by,
    encrypt: (source) => run('backup', '--quiet', '--compression', 'off', source),
    decrypt: (_sealed, target) => run('restore', 'latest', '--target', dirname(target)),
    async prepare() {
      await rm(repository, { recursive: true, force: true })
      await run('init', '--repository-version', '2')
    },
  }
}

async function gocryptfs(folder: string): Promise<FilePeer> {
  const by = 'gocryptfs, cp through the mounted folder'
  if (!isInstalled('gocryptfs') || !isInstalled('fusermount3')) {
    return missing(by, `gocryptfs or fuse3 is not installed (${PEERS})`)
  }
  const [cipher, plain] = [join(folder, 'gocryptfs'), join(folder, 'gocryptfs-plain')]
  await mkdir(cipher)
  await mkdir(plain)
  const flags = ['-q', '-extpass', 'echo a-bench-password']
  try {
    await runProgram('gocryptfs', [...flags, '-init', '-scryptn', '10', cipher])
    await runProgram('gocryptfs', [...flags, cipher, plain])
  } catch {
    return missing(by, 'gocryptfs cannot mount here (no FUSE)')
  }
  const place = (sealed: string): string => join(plain, basename(sealed))
  return {
    by,
    encrypt: (source, sealed) => runProgram('cp', [source, place(sealed)]),
    decrypt: (sealed, target) => runProgram('cp', [place(sealed), target]),
    prepare: (sealed) => rm(place(sealed), { force: true }),
    close: () => runProgram('fusermount3', ['-u', plain]),
  }
}

async function typage(folder: string): Promise<FilePeer> {
  const by = 'typage (age-encryption of npm)'
  const module = peerModule('age-encryption', 'dist/index.js')
  if (module === null) return missing(by, `age-encryption is not installed (${PEERS})`)
  if (!isInstalled('age-keygen')) return missing(by, `age-keygen, which makes its key, is not installed (${PEERS})`)
  const file = join(folder, 'typage-identity')
  await runProgram('age-keygen', ['-o', file])
  const { readFile } = await import('node:fs/promises')
  const identity = /AGE-SECRET-KEY-\S+/.exec(await readFile(file, 'utf8'))?.[0] ?? ''
  const run = (...parameters: string[]) =>
    runProgram(process.execPath, [program('typage-file.mjs'), module, ...parameters])
  return {
    by,
    encrypt: (source, sealed) => run('encrypt', identity, source, sealed),
    decrypt: (sealed, target) => run('decrypt', identity, sealed, target),
  }
}

function aws(): FilePeer {
  const by = 'AWS Encryption SDK for JavaScript, raw AES key'
  const module = peerModule('@aws-crypto/client-node', 'build/main/src/index.js')
  if (module === null) return missing(by, `@aws-crypto/client-node is not installed (${PEERS})`)
  const run = (...parameters: string[]) =>
    runProgram(process.execPath, [program('aws-file.mjs'), module, ...parameters])
  return {
    by,
    encrypt: (source, sealed) => run('encrypt', source, sealed),
    decrypt: (sealed, target) => run('decrypt', sealed, target),
  }
}

const copy: FilePeer = {
  by: 'cp (no encryption)',
  encrypt: (source, sealed) => runProgram('cp', [source, sealed]),
  decrypt: (sealed, target) => runProgram('cp', [sealed, target]),
}
