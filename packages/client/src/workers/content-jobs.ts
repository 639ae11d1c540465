import {
  asBlobId,
  asDek,
  type ContentDecryptor,
  type ContentEncryptor,
  type ContentLayout,
  type CryptoEngine,
  createContentDecryptor,
  partPlaintextRange,
  resumeContentEncryptor,
  SecretBytes,
} from '@strongroom/crypto'
import { firstSegment, openPart, plaintextMac } from '../content/inline.ts'
import { ClientError } from '../errors.ts'
import type { LocalFile } from '../ports.ts'
import type { FromWorker, OpenJob, PartTask, ToWorker } from './content-protocol.ts'

/** A file as a worker reads it. */
export interface OpenLocalFile {
  /** As many bytes as `buffer` has, in it or elsewhere. @throws ClientError `source_changed` */
  read(offset: number, buffer: Uint8Array): Promise<Uint8Array>
  close(): Promise<void>
}

interface Job {
  readonly layout: ContentLayout
  readonly encryptor: ContentEncryptor | null
  readonly decryptor: ContentDecryptor | null
  readonly file: OpenLocalFile | null
  readonly macKey: Uint8Array | null
}

type Deps = { readonly engine: CryptoEngine; readonly openFile: (file: LocalFile) => Promise<OpenLocalFile> }

/** A worker at work. */
interface Work extends Deps {
  readonly post: (response: FromWorker, transfer: ArrayBuffer[]) => void
  readonly jobs: Map<number, Promise<Job>>
  readonly plaintext: PlaintextMemory
}

/** Where plaintext is read into, one part at a time. */
interface PlaintextMemory {
  take(length: number): Uint8Array
  wipe(): void
}

/** Bytes that are kept from one job to the next. */
const KEPT_BYTES = 8 * 1024 * 1024

function plaintextMemory(): PlaintextMemory {
  let buffer = new Uint8Array(0)
  return {
    take(length) {
      if (buffer.length < length) buffer = new Uint8Array(length)
      return buffer.subarray(0, length)
    },
    wipe() {
      buffer.fill(0)
      if (buffer.length > KEPT_BYTES) buffer = new Uint8Array(0)
    },
  }
}

/**
 * What a worker does that encrypts and decrypts content. It opens the source itself, so that plaintext never travels
 * between threads on its way in; ciphertext is transferred or shared, not copied.
 */
export function contentJobs(
  deps: Deps,
  post: (response: FromWorker, transfer: ArrayBuffer[]) => void,
): (message: ToWorker) => void {
  const work: Work = { ...deps, post, jobs: new Map(), plaintext: plaintextMemory() }
  let turn: Promise<unknown> = Promise.resolve()
  return (message) => {
    // Reason: one part at a time per worker, so that one buffer is enough for all jobs; `close` waits for the parts before it.
    turn = turn.then(() => handle(work, message)).catch(() => undefined)
  }
}

async function handle(work: Work, message: ToWorker): Promise<void> {
  const { jobs } = work
  if (message.type === 'open') {
    const opening = openJob(work, message)
    // A failure shows at the first part.
    opening.catch(() => undefined)
    jobs.set(message.job, opening)
  } else if (message.type === 'close') {
    const job = await jobs.get(message.job)?.catch(() => null)
    jobs.delete(message.job)
    job?.encryptor?.dispose()
    job?.decryptor?.dispose()
    if (job?.encryptor != null) work.plaintext.wipe()
    job?.macKey?.fill(0)
    await job?.file?.close()
  } else {
    await answer(work, message)
  }
}

async function openJob({ engine, openFile }: Deps, message: OpenJob): Promise<Job> {
  const secret = SecretBytes.take(message.dek)
  try {
    const input = { dek: asDek(secret), blobId: asBlobId(message.blobId), header: message.header }
    const encrypts = message.mode === 'encrypt'
    const encryptor = encrypts ? await resumeContentEncryptor(engine, input) : null
    const decryptor = encrypts ? null : await createContentDecryptor(engine, input)
    const file = message.file === null ? null : await openFile(message.file)
    const { layout, macKey } = message
    return { layout, encryptor, decryptor, file, macKey }
  } finally {
    secret.dispose()
  }
}

async function answer(work: Work, task: PartTask): Promise<void> {
  const { engine, jobs, post } = work
  let response: FromWorker
  try {
    const job = await jobs.get(task.job)
    if (job === undefined) throw new Error('a part of a job that is not open')
    response = {
      task: task.task,
      ...(await (job.encryptor === null ? decrypt(engine, job, task) : encrypt(work, job, task))),
    }
  } catch (error) {
    const failure =
      error instanceof ClientError
        ? { code: error.code, message: error.message }
        : { code: 'local_io', message: 'Reading or encrypting a local file failed.' }
    response = { task: task.task, failure }
  }
  const spent = 'bytes' in response && response.ciphertext !== null ? [response.ciphertext.buffer] : []
  const buffers: ArrayBufferLike[] = 'bytes' in response ? [response.bytes.buffer, ...spent] : []
  post(
    response,
    // Shared memory stays where it is.
    buffers.filter((buffer) => buffer instanceof ArrayBuffer),
  )
}

async function encrypt({ engine, plaintext: memory }: Work, job: Job, { index, output, macOnly }: PartTask) {
  const { layout, encryptor, file } = job
  if (encryptor === null || file === null) throw new Error('the job does not encrypt')
  const range = partPlaintextRange(layout, index)
  const plaintext = await file.read(range.offset, memory.take(range.length))
  const mac = await macOf(engine, job, index, plaintext)
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

async function macOf(
  engine: CryptoEngine,
  { macKey }: Job,
  index: number,
  plaintext: Uint8Array,
): Promise<Uint8Array | null> {
  return macKey === null ? null : await plaintextMac(engine, macKey, index, plaintext)
}

async function decrypt(engine: CryptoEngine, job: Job, { index, ciphertext, sha256, output }: PartTask) {
  const { layout, decryptor } = job
  if (decryptor === null || ciphertext === null || sha256 === null) throw new Error('the job does not decrypt')
  const { length } = partPlaintextRange(layout, index)
  const place = { firstSegment: firstSegment(layout, index), final: index === layout.partCount - 1 }
  await openPart(engine, decryptor, { ...place, ciphertext, sha256, output, length })
  const bytes = output.subarray(0, length)
  return { bytes, sha256, mac: await macOf(engine, job, index, bytes), ciphertext }
}
