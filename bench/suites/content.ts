import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { temporaryFolder } from '../../tests/e2e/src/journeys/files.ts'
import { bytesFrom } from '../../tests/e2e/src/journeys/seeded-bytes.ts'
import { inTurns, type Row, speeds, timed } from '../measure.ts'
import { isInstalled, outputOf, runProgram } from '../programs.ts'
import { MIB, type Suite } from './suite.ts'

interface Contender {
  readonly by: string
  encrypt(source: string, target: string): Promise<unknown>
  decrypt(source: string, target: string): Promise<unknown>
}

/** The content format in the threads of the command line, with the hash of each part as an upload makes it. */
async function strongroom(folder: string): Promise<Contender> {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  await build({
    entryPoints: [
      join(root, 'bench/file-to-file.ts'),
      join(root, 'packages/client/src/platform/node/content-worker.ts'),
    ],
    outdir: folder,
    entryNames: '[name]',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
  })
  const program = join(folder, 'file-to-file.mjs')
  return {
    by: 'strongroom',
    encrypt: (source, target) => runProgram(process.execPath, [program, 'encrypt', source, target]),
    decrypt: (source, target) => runProgram(process.execPath, [program, 'decrypt', source, target]),
  }
}

function age(identityFile: string, recipient: string): Contender {
  return {
    by: 'age, to a public key',
    encrypt: (source, target) => runProgram('age', ['-e', '-r', recipient, '-o', target, source]),
    decrypt: (source, target) => runProgram('age', ['-d', '-i', identityFile, '-o', target, source]),
  }
}

const opensslFlags = ['enc', '-aes-256-ctr', '-K', '11'.repeat(32), '-iv', '22'.repeat(16)]
const openssl: Contender = {
  by: 'openssl enc aes-256-ctr (no authentication)',
  encrypt: (source, target) => runProgram('openssl', [...opensslFlags, '-in', source, '-out', target]),
  decrypt: (source, target) => runProgram('openssl', [...opensslFlags, '-d', '-in', source, '-out', target]),
}

/** Encryption speed in memory, the limit that this processor sets, in MiB/s. */
function opensslSpeed(): number {
  const line = outputOf('openssl', ['speed', '-mr', '-seconds', '2', '-bytes', '262144', '-evp', 'aes-256-gcm'])
    .split('\n')
    .find((candidate) => candidate.startsWith('+F:'))
  return Number(line?.split(':').at(-1)) / MIB
}

export const content: Suite = {
  title: 'Encrypt and decrypt, file to file',
  async run({ full }) {
    await using folder = await temporaryFolder()
    const size = (full ? 1024 : 256) * MIB
    const source = join(folder.path, 'source')
    await writeFile(source, bytesFrom(1, size))
    const contenders = [await strongroom(folder.path)]
    const rows: Row[] = []
    const name = `${size / MIB} MiB`
    if (isInstalled('age') && isInstalled('age-keygen')) {
      const identityFile = join(folder.path, 'identity')
      await runProgram('age-keygen', ['-o', identityFile])
      contenders.push(age(identityFile, outputOf('age-keygen', ['-y', identityFile]).trim()))
    } else rows.push({ task: `encrypt ${name}`, by: 'age', samples: [], unit: 'MiB/s', absent: 'age is not installed' })
    if (isInstalled('openssl')) contenders.push(openssl)
    for (const task of ['encrypt', 'decrypt'] as const) {
      const target = join(folder.path, 'target')
      const times = await inTurns(
        full ? 5 : 3,
        contenders.map((contender, index) => async () => {
          await rm(target, { force: true })
          const sealed = join(folder.path, `sealed-${index}`)
          return timed(() =>
            task === 'encrypt' ? contender.encrypt(source, sealed) : contender.decrypt(sealed, target),
          )
        }),
      )
      for (const [index, contender] of contenders.entries()) {
        rows.push({
          task: `${task} ${name}`,
          by: contender.by,
          samples: speeds(size, times[index] ?? []),
          unit: 'MiB/s',
        })
      }
    }
    if (isInstalled('openssl')) {
      const samples = Array.from({ length: full ? 5 : 3 }, opensslSpeed)
      rows.push({
        task: `encrypt ${name}`,
        by: 'openssl speed aes-256-gcm (in memory, one thread)',
        samples,
        unit: 'MiB/s',
      })
    }
    return rows
  },
}
