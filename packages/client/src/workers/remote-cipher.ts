import {
  type CryptoEngine,
  createContentDecryptor,
  type Dek,
  MIN_PART_SIZE,
  partBlobRange,
  partPlaintextRange,
} from '@strongroom/crypto'
import { sharedBuffer, sharedPools } from '../content/buffers.ts'
import { contentEncryptor, contentFailure, inlineCipher } from '../content/inline.ts'
import { ClientError, type ClientErrorCode } from '../errors.ts'
import type { ContentCipher } from '../ports.ts'
import type { FromWorker, OpenJob, PartTask, ToWorker } from './content-protocol.ts'
import { type RemoteWorker, type StartWorker, WORKER_ENDED } from './remote-worker.ts'

/** Workers that share the work: more gain nothing on few cores, and two already outrun most disks. */
const WORKERS = 2
/** Bytes of plaintext that workers together hold while they encrypt; each holds one part. */
const PLAINTEXT_BYTES = WORKERS * MIN_PART_SIZE
/** Contents of fewer parts are encrypted where they are asked for. */
const FEWEST_PARTS = 2

type Result = Extract<FromWorker, { bytes: unknown }>

/**
 * Content encryption in workers for large local files and for downloads of several parts, inline for all else.
 *
 * @param options.shared - whether workers share memory with their program; else buffers are handed over and come back
 */
export function remoteCipher(
  engine: CryptoEngine,
  start: StartWorker,
  { shared }: { shared: boolean } = { shared: false },
): ContentCipher {
  const inline = inlineCipher(engine)
  const pool = workerPool(start, shared)
  const pools = sharedPools(shared ? sharedBuffer : undefined)
  return {
    async encryptor(input) {
      const { source, layout, dek, blobId, macKey = null } = input
      const { local } = source
      if (local === undefined || layout.partCount < FEWEST_PARTS) return await inline.encryptor(input)
      // Only its header is used here; the workers make their own encryptors for it.
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
        file: local,
      })
      const sealed = pools.open(partBlobRange(layout, 0).length)
      return {
        header,
        async encryptPart(index) {
          const output = sealed.pool.take(partBlobRange(layout, index).length)
          const { bytes, sha256, mac } = await job.run({
            index,
            macOnly: false,
            ciphertext: null,
            sha256: null,
            output,
          })
          return { index, bytes, sha256, mac, release: () => sealed.pool.give(bytes) }
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
          sealed.close()
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
      const job = pool.open({ mode: 'decrypt', dek, blobId, header, layout, macKey, file: null })
      const sealed = pools.open(partBlobRange(layout, 0).length)
      return {
        lend: (length) => sealed.pool.take(length),
        async decryptPart(index, ciphertext, sha256) {
          const { paddedLength } = partPlaintextRange(layout, index)
          if (shared) {
            // In place: half the memory, which the worker need not hand over.
            const output = ciphertext.subarray(0, paddedLength)
            const { bytes, mac } = await job.run({ index, macOnly: false, ciphertext, sha256, output })
            return { bytes, mac, release: () => sealed.pool.give(bytes) }
          }
          const output = sealed.pool.take(paddedLength)
          const { bytes, mac, ciphertext: spent } = await job.run({ index, macOnly: false, ciphertext, sha256, output })
          if (spent !== null) sealed.pool.give(spent)
          return { bytes, mac, release: () => sealed.pool.give(bytes) }
        },
        async close() {
          job.close()
          sealed.close()
        },
      }
    },
    keepMemory: pools.keep,
    close: () => pool.close(),
  }
}

function workerEnded(cause?: unknown): ClientError {
  return new ClientError('local_io', 'A worker ended.', { cause, details: WORKER_ENDED })
}

type JobInput = Omit<OpenJob, 'type' | 'job' | 'dek'> & { readonly dek: Dek }

interface WorkerJob {
  /** Buffers of the task are the worker's until it has answered; then they come back with the result. */
  run(task: Omit<PartTask, 'type' | 'job' | 'task'>): Promise<Result>
  close(): void
}

interface PoolWorker {
  readonly worker: RemoteWorker
  readonly waiting: Map<number, { done: (result: Result) => void; fail: (error: Error) => void }>
}

function workerPool(start: StartWorker, shared: boolean): { open(input: JobInput): WorkerJob; close(): Promise<void> } {
  let workers: PoolWorker[] = []
  let nextJob = 0
  let nextTask = 0

  const startOne = (): PoolWorker => {
    const waiting: PoolWorker['waiting'] = new Map()
    const worker = start({
      message(data) {
        const response = data as FromWorker // What `contentJobs` posts.
        const call = waiting.get(response.task)
        waiting.delete(response.task)
        if (waiting.size === 0) worker.busy(false)
        if ('bytes' in response) call?.done(response)
        // Reason for the cast: the worker copies the code from a ClientError.
        else call?.fail(new ClientError(response.failure.code as ClientErrorCode, response.failure.message))
      },
      ended(cause) {
        workers = workers.filter((other) => other.worker !== worker)
        for (const call of waiting.values()) call.fail(workerEnded(cause))
        waiting.clear()
      },
    })
    worker.busy(false)
    return { worker, waiting }
  }
  const send = ({ worker }: PoolWorker, message: ToWorker, transfer: readonly ArrayBuffer[] = []): void => {
    worker.post(message, transfer)
  }
  return {
    open({ dek, ...input }) {
      nextJob += 1
      const job = nextJob
      while (workers.length < WORKERS) workers.push(startOne())
      const most = input.mode === 'encrypt' ? Math.floor(PLAINTEXT_BYTES / input.layout.partSize) : WORKERS
      const own = workers.slice(0, Math.max(1, most))
      for (const each of own) dek.use((bytes) => send(each, { type: 'open', job, dek: bytes, ...input }))
      return {
        run: (input) =>
          new Promise((resolve, fail) => {
            // Reason: what comes back is another view of shared memory, which a pool would not know again.
            const done = (result: Result): void =>
              resolve(
                shared
                  ? { ...result, bytes: input.output.subarray(0, result.bytes.length), ciphertext: input.ciphertext }
                  : result,
              )
            // Strided: neighbouring parts go to different workers.
            const each = own[input.index % own.length]
            if (each === undefined || !workers.includes(each)) {
              return fail(workerEnded())
            }
            nextTask += 1
            each.worker.busy(true)
            each.waiting.set(nextTask, { done, fail })
            if (shared) return send(each, { type: 'part', job, task: nextTask, ...input })
            const transfer = [input.output.buffer, ...(input.ciphertext === null ? [] : [input.ciphertext.buffer])]
            send(each, { type: 'part', job, task: nextTask, ...input }, transfer)
          }),
        close() {
          for (const each of own) if (workers.includes(each)) send(each, { type: 'close', job })
        },
      }
    },
    async close() {
      const ending = workers
      workers = []
      await Promise.all(ending.map(({ worker }) => worker.end()))
    },
  }
}
