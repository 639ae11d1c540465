import { open, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type BlobId,
  contentLayout,
  createContentDecryptor,
  createContentEncryptor,
  generateDek,
  partBlobRange,
  partPlaintextRange,
  SEGMENT_LENGTH,
} from '@strongroom/crypto'
import { nodeEngine } from '@strongroom/crypto/node'
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

/** The content format on one thread, file to file, with the hash of each part as an upload makes it. */
async function strongroom(size: number): Promise<Contender> {
  const engine = nodeEngine()
  const dek = generateDek(engine)
  const blobId = engine.randomBytes(16) as BlobId // sixteen random bytes are what an id is
  const layout = contentLayout(size)
  const perPart = layout.partSize / SEGMENT_LENGTH
  let header = new Uint8Array()
  return {
    by: 'strongroom',
    encrypt: async (source, target) => {
      const encryptor = await createContentEncryptor(engine, { dek, blobId })
      header = Uint8Array.from(encryptor.header)
      await fileToFile(source, target, layout.partCount, async (index, read) => {
        const { offset, length, paddedLength } = partPlaintextRange(layout, index)
        const plaintext = await read(offset, length)
        const final = index === layout.partCount - 1
        const bytes = await encryptor.encryptPart({ firstSegment: index * perPart, plaintext, paddedLength, final })
        await engine.sha256(bytes)
        return bytes
      })
      encryptor.dispose()
    },
    decrypt: async (source, target) => {
      const decryptor = await createContentDecryptor(engine, { dek, blobId, header })
      await fileToFile(source, target, layout.partCount, async (index, read) => {
        const { offset, length } = partBlobRange(layout, index)
        const ciphertext = await read(offset, length)
        await engine.sha256(ciphertext)
        const final = index === layout.partCount - 1
        const padded = await decryptor.decryptPart({ firstSegment: index * perPart, ciphertext, final })
        return padded.subarray(0, partPlaintextRange(layout, index).length)
      })
      decryptor.dispose()
    },
  }
}

type Read = (offset: number, length: number) => Promise<Uint8Array>

async function fileToFile(
  source: string,
  target: string,
  parts: number,
  convert: (index: number, read: Read) => Promise<Uint8Array>,
): Promise<void> {
  const input = await open(source)
  const output = await open(target, 'w')
  try {
    const read: Read = async (offset, length) => {
      const bytes = new Uint8Array(length)
      const { bytesRead } = await input.read(bytes, 0, length, offset)
      return bytes.subarray(0, bytesRead)
    }
    for (let index = 0; index < parts; index += 1) await output.write(await convert(index, read))
  } finally {
    await input.close()
    await output.close()
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
    const contenders = [await strongroom(size)]
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
