import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { parentPort } from 'node:worker_threads'
import {
  asBlobId,
  asDek,
  type ContentDecryptor,
  type ContentEncryptor,
  type ContentLayout,
  createContentDecryptor,
  partPlaintextRange,
  resumeContentEncryptor,
  SecretBytes,
} from '@strongroom/crypto'
import { nodeEngine } from '@strongroom/crypto/node'
import { firstSegment, largestPart, openPart, plaintextMac } from '../../content/inline.ts'
import { ClientError } from '../../errors.ts'
import type { FromWorker, OpenJob, PartTask, ToWorker } from './content-protocol.ts'
import { identityOf } from './file-source.ts'

// Entry of the threads that encrypt and decrypt content. Each opens the source itself, so that plaintext never travels
// between threads on its way in; ciphertext is transferred, not copied.

interface Job {
  readonly layout: ContentLayout
  readonly encryptor: ContentEncryptor | null
  readonly decryptor: ContentDecryptor | null
  readonly file: FileHandle | null
  readonly identity: string
  readonly macKey: Uint8Array | null
  /** Reused for every part of the job. */
  readonly buffer: Uint8Array
}

const engine = nodeEngine()
const jobs = new Map<number, Promise<Job>>()
let turn: Promise<unknown> = Promise.resolve()

parentPort?.on('message', (message: ToWorker) => {
  // Reason: one part at a time per thread, so that one buffer is enough; `close` waits for the parts before it.
  turn = turn.then(() => handle(message)).catch(() => undefined)
})

async function handle(message: ToWorker): Promise<void> {
  if (message.type === 'open') {
    const opening = openJob(message)
    // A failure shows at the first part.
    opening.catch(() => undefined)
    jobs.set(message.job, opening)
  } else if (message.type === 'close') {
    const job = await jobs.get(message.job)?.catch(() => null)
    jobs.delete(message.job)
    job?.encryptor?.dispose()
    job?.decryptor?.dispose()
    job?.buffer.fill(0)
    job?.macKey?.fill(0)
    await job?.file?.close()
  } else {
    await answer(message)
  }
}

async function openJob(message: OpenJob): Promise<Job> {
  const secret = SecretBytes.take(message.dek)
  try {
    const input = { dek: asDek(secret), blobId: asBlobId(message.blobId), header: message.header }
    const encrypts = message.mode === 'encrypt'
    const encryptor = encrypts ? await resumeContentEncryptor(engine, input) : null
    const decryptor = encrypts ? null : await createContentDecryptor(engine, input)
    const file = encrypts ? await open(message.path, constants.O_RDONLY) : null
    const { layout, identity, macKey } = message
    const buffer = new Uint8Array(encrypts ? largestPart(layout) : 0)
    return { layout, encryptor, decryptor, file, identity, macKey, buffer }
  } finally {
    secret.dispose()
  }
}

async function answer(task: PartTask): Promise<void> {
  let response: FromWorker
  try {
    const job = await jobs.get(task.job)
    if (job === undefined) throw new Error('a part of a job that is not open')
    response = { task: task.task, ...(job.encryptor === null ? await decrypt(job, task) : await encrypt(job, task)) }
  } catch (error) {
    const failure =
      error instanceof ClientError
        ? { code: error.code, message: error.message }
        : { code: 'local_io', message: 'Reading or encrypting a local file failed.' }
    response = { task: task.task, failure }
  }
  const spent = 'bytes' in response && response.ciphertext !== null ? [response.ciphertext.buffer] : []
  parentPort?.postMessage(response, 'bytes' in response ? [response.bytes.buffer, ...spent] : [])
}

async function encrypt(job: Job, { index, output, macOnly }: PartTask) {
  const { layout, encryptor, file } = job
  if (encryptor === null || file === null) throw new Error('the job does not encrypt')
  const range = partPlaintextRange(layout, index)
  const plaintext = job.buffer.subarray(0, range.length)
  let done = 0
  while (done < plaintext.length) {
    const { bytesRead } = await file.read(plaintext, done, plaintext.length - done, range.offset + done)
    if (bytesRead === 0) throw new ClientError('source_changed', 'The source became shorter while it was read.')
    done += bytesRead
  }
  if (identityOf(await file.stat({ bigint: true })) !== job.identity) {
    throw new ClientError('source_changed', 'The source changed while it was read.')
  }
  const mac = await macOf(job, plaintext)
  if (macOnly) return { bytes: output, sha256: new Uint8Array(0), mac, ciphertext: null }
  const part = {
    firstSegment: firstSegment(layout, index),
    plaintext,
    paddedLength: range.paddedLength,
    final: index === layout.partCount - 1,
  }
  const bytes = await encryptor.encryptPart(part, output)
  return { bytes: output.subarray(0, bytes.length), sha256: await engine.sha256(bytes), mac, ciphertext: null }
}

async function macOf({ macKey }: Job, plaintext: Uint8Array): Promise<Uint8Array | null> {
  return macKey === null ? null : await plaintextMac(engine, macKey, plaintext)
}

async function decrypt(job: Job, { index, ciphertext, sha256, output }: PartTask) {
  const { layout, decryptor } = job
  if (decryptor === null || ciphertext === null || sha256 === null) throw new Error('the job does not decrypt')
  const { length } = partPlaintextRange(layout, index)
  const place = { firstSegment: firstSegment(layout, index), final: index === layout.partCount - 1 }
  await openPart(engine, decryptor, { ...place, ciphertext, sha256, output, length })
  const bytes = output.subarray(0, length)
  return { bytes, sha256, mac: await macOf(job, bytes), ciphertext }
}
