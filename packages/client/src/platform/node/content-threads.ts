import { Worker } from 'node:worker_threads'
import {
  type CryptoEngine,
  createContentDecryptor,
  type Dek,
  partBlobRange,
  partPlaintextRange,
} from '@strongroom/crypto'
import { bufferPool } from '../../content/buffers.ts'
import { contentEncryptor, contentFailure, inlineCipher } from '../../content/inline.ts'
import { ClientError, type ClientErrorCode } from '../../errors.ts'
import type { ContentCipher } from '../../ports.ts'
import type { FromWorker, OpenJob, PartTask, ToWorker } from './content-protocol.ts'

/** Threads that share the work: more gain nothing on few cores, and two already outrun most disks. */
const THREADS = 2
/** Contents of fewer parts stay in the calling thread. */
const FEWEST_PARTS = 2

type Result = Extract<FromWorker, { bytes: unknown }>

/** Content encryption in worker threads for large local files, inline for all else, or where `entry` is null. */
export function contentThreads(engine: CryptoEngine, entry: URL | null): ContentCipher {
  const inline = inlineCipher(engine)
  if (entry === null) return inline
  const pool = threadPool(entry)
  return {
    async encryptor(input) {
      const { source, layout, dek, blobId, macKey = null } = input
      const { local } = source
      if (local === undefined || layout.partCount < FEWEST_PARTS) return await inline.encryptor(input)
      // Only its header is used here; the threads make their own encryptors for it.
      const encryptor = await contentEncryptor(engine, input)
      const header = encryptor.header.slice()
      encryptor.dispose()
      const file = await source.open()
      const job = pool.open({
        mode: 'encrypt',
        dek,
        blobId,
        header,
        layout,
        macKey,
        path: local.path,
        identity: local.identity,
      })
      const sealed = bufferPool(partBlobRange(layout, 0).length)
      return {
        header,
        async encryptPart(index) {
          const output = sealed.take(partBlobRange(layout, index).length)
          const { bytes, sha256, mac } = await job.run({
            index,
            macOnly: false,
            ciphertext: null,
            sha256: null,
            output,
          })
          return { index, bytes, sha256, mac, release: () => sealed.give(bytes) }
        },
        async macPart(index) {
          const output = new Uint8Array(0)
          const { mac } = await job.run({ index, macOnly: true, ciphertext: null, sha256: null, output })
          if (mac === null) throw new Error('a mac needs a key')
          return mac
        },
        isSourceUnchanged: () => file.isUnchanged(),
        async close() {
          job.close()
          await file.close()
        },
      }
    },
    async decryptor(input) {
      const { header, layout, dek, blobId, macKey = null } = input
      if (layout.partCount < FEWEST_PARTS) return await inline.decryptor(input)
      const check = await createContentDecryptor(engine, { dek, blobId, header }).catch((cause: unknown) => {
        throw contentFailure(cause)
      })
      check.dispose()
      const job = pool.open({ mode: 'decrypt', dek, blobId, header, layout, macKey, path: '', identity: '' })
      const sealed = bufferPool(partBlobRange(layout, 0).length)
      const plain = bufferPool(partPlaintextRange(layout, 0).paddedLength)
      return {
        lend: (length) => sealed.take(length),
        async decryptPart(index, ciphertext, sha256) {
          const output = plain.take(partPlaintextRange(layout, index).paddedLength)
          const { bytes, mac, ciphertext: spent } = await job.run({ index, macOnly: false, ciphertext, sha256, output })
          if (spent !== null) sealed.give(spent)
          return { bytes, mac, release: () => plain.give(bytes) }
        },
        async close() {
          job.close()
          plain.clear()
        },
      }
    },
    close: () => pool.close(),
  }
}

type JobInput = Omit<OpenJob, 'type' | 'job' | 'dek'> & { readonly dek: Dek }

interface ThreadJob {
  /** Buffers of the task are handed over and come back with the result. */
  run(task: Omit<PartTask, 'type' | 'job' | 'task'>): Promise<Result>
  close(): void
}

interface Thread {
  readonly worker: Worker
  readonly waiting: Map<number, { done: (result: Result) => void; fail: (error: Error) => void }>
}

function threadPool(entry: URL): { open(input: JobInput): ThreadJob; close(): Promise<void> } {
  let threads: Thread[] = []
  let nextJob = 0
  let nextTask = 0

  const startThread = (): Thread => {
    const thread: Thread = { worker: new Worker(entry), waiting: new Map() }
    thread.worker.unref()
    thread.worker.on('message', (response: FromWorker) => {
      const call = thread.waiting.get(response.task)
      thread.waiting.delete(response.task)
      if (thread.waiting.size === 0) thread.worker.unref()
      if ('bytes' in response) call?.done(response)
      // Reason for the cast: the worker copies the code from a ClientError.
      else call?.fail(new ClientError(response.failure.code as ClientErrorCode, response.failure.message))
    })
    const fail = (cause?: unknown): void => {
      threads = threads.filter((other) => other !== thread)
      for (const call of thread.waiting.values()) call.fail(new ClientError('local_io', 'A thread ended.', { cause }))
      thread.waiting.clear()
    }
    thread.worker.on('error', fail)
    thread.worker.on('exit', () => fail())
    return thread
  }
  const send = (thread: Thread, message: ToWorker, transfer: ArrayBuffer[] = []): void => {
    thread.worker.postMessage(message, transfer)
  }
  return {
    open({ dek, ...input }) {
      nextJob += 1
      const job = nextJob
      while (threads.length < THREADS) threads.push(startThread())
      const own = [...threads]
      for (const thread of own) dek.use((bytes) => send(thread, { type: 'open', job, dek: bytes, ...input }))
      return {
        run: (input) =>
          new Promise((done, fail) => {
            // Strided: neighbouring parts go to different threads.
            const thread = own[input.index % own.length]
            if (thread === undefined || !threads.includes(thread))
              return fail(new ClientError('local_io', 'A thread ended.'))
            nextTask += 1
            thread.worker.ref()
            thread.waiting.set(nextTask, { done, fail })
            const transfer = [input.output.buffer, ...(input.ciphertext === null ? [] : [input.ciphertext.buffer])]
            send(thread, { type: 'part', job, task: nextTask, ...input }, transfer)
          }),
        close() {
          for (const thread of own) if (threads.includes(thread)) send(thread, { type: 'close', job })
        },
      }
    },
    async close() {
      const ending = threads
      threads = []
      await Promise.all(ending.map(({ worker }) => worker.terminate()))
    },
  }
}
