// `file-to-file encrypt|decrypt SOURCE TARGET [WORKER]`: the content format from file to file in the threads of the command line, in a
// process of its own, as the peers are. What a signed record would hold lies beside the encrypted file.
import { type FileHandle, open, readFile, stat, writeFile } from 'node:fs/promises'
import {
  asBlobId,
  asDek,
  type ContentLayout,
  contentLayout,
  partBlobRange,
  partPlaintextRange,
  SecretBytes,
} from '@strongroom/crypto'
import { nodeEngine } from '@strongroom/crypto/node'
import { contentThreads } from '../packages/client/src/platform/node/content-threads.ts'
import { fileSource } from '../packages/client/src/platform/node/file-source.ts'
import { writeAt } from '../packages/client/src/platform/node/local-io.ts'

/** As many parts as the command line has under way. */
const JOBS = 4

interface Kept {
  readonly size: number
  readonly dek: string
  readonly blobId: string
  readonly header: string
  readonly digests: readonly string[]
}

const engine = nodeEngine()
const cipher = contentThreads(engine, new URL(process.argv[5] ?? './content-worker.mjs', import.meta.url))
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const bytesOf = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text, 'hex'))
const content = (kept: Pick<Kept, 'dek' | 'blobId'>, layout: ContentLayout) => ({
  dek: asDek(SecretBytes.take(bytesOf(kept.dek))),
  blobId: asBlobId(bytesOf(kept.blobId)),
  layout,
})

async function inLanes(count: number, task: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  const lane = async () => {
    while (next < count) await task(next++)
  }
  await Promise.all(Array.from({ length: JOBS }, lane))
}

/** Writes one piece after the other: a file system lets one thread at a time into a file, and those that wait are busy. */
function writerOf(file: FileHandle): (bytes: Uint8Array, position: number) => Promise<void> {
  let writing = Promise.resolve()
  return (bytes, position) => {
    writing = writing.then(() => writeAt(file, bytes, position))
    return writing
  }
}

async function encrypt(source: string, target: string): Promise<void> {
  const layout = contentLayout((await stat(source)).size)
  const kept = { dek: hex(engine.randomBytes(32)), blobId: hex(engine.randomBytes(16)) }
  const encryptor = await cipher.encryptor({ ...content(kept, layout), source: await fileSource(source) })
  const output = await open(target, 'w')
  const write = writerOf(output)
  const digests: string[] = []
  await inLanes(layout.partCount, async (index) => {
    const part = await encryptor.encryptPart(index)
    digests[index] = hex(part.sha256)
    await write(part.bytes, partBlobRange(layout, index).offset)
    part.release()
  })
  if (!(await encryptor.isSourceUnchanged())) throw new Error('the source changed')
  const record: Kept = { ...kept, size: layout.size, header: hex(encryptor.header), digests }
  await encryptor.close()
  await output.close()
  await writeFile(`${target}.record`, JSON.stringify(record))
}

async function decrypt(source: string, target: string): Promise<void> {
  // What `encrypt` wrote.
  const kept = JSON.parse(await readFile(`${source}.record`, 'utf8')) as Kept
  const layout = contentLayout(kept.size)
  const decryptor = await cipher.decryptor({ ...content(kept, layout), header: bytesOf(kept.header) })
  const input = await open(source)
  const output = await open(target, 'w')
  const write = writerOf(output)
  await inLanes(layout.partCount, async (index) => {
    const { offset, length } = partBlobRange(layout, index)
    const ciphertext = decryptor.lend(length)
    await input.read(ciphertext, 0, length, offset)
    const part = await decryptor.decryptPart(index, ciphertext, bytesOf(kept.digests[index] ?? ''))
    await write(part.bytes, partPlaintextRange(layout, index).offset)
    part.release()
  })
  await decryptor.close()
  await input.close()
  await output.close()
}

const [task, source = '', target = ''] = process.argv.slice(2)
await (task === 'encrypt' ? encrypt : decrypt)(source, target)
await cipher.close()
