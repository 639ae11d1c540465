import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { parentPort } from 'node:worker_threads'
import { nodeEngine } from '@strongroom/crypto/node'
import { ClientError } from '../../errors.ts'
import type { LocalFile } from '../../ports.ts'
import { contentJobs, type OpenLocalFile } from '../../workers/content-jobs.ts'
import type { ToWorker } from '../../workers/content-protocol.ts'
import { collectYoung } from './collect-young.ts'
import { identityOf } from './file-source.ts'

// Entry of the threads that encrypt and decrypt content.
const handle = contentJobs({ engine: nodeEngine(), openFile }, (response, transfer) => {
  parentPort?.postMessage(response, transfer)
  collectYoung()
})
parentPort?.on('message', (message: ToWorker) => handle(message))

async function openFile({ path, identity }: LocalFile): Promise<OpenLocalFile> {
  // Reason: as in `fileSource`, for what came into its place since that opened it.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  return {
    async read(offset, buffer) {
      let done = 0
      while (done < buffer.length) {
        const { bytesRead } = await file.read(buffer, done, buffer.length - done, offset + done)
        if (bytesRead === 0) throw new ClientError('source_changed', 'The source became shorter while it was read.')
        done += bytesRead
      }
      if (identityOf(await file.stat({ bigint: true })) === identity) return buffer
      throw new ClientError('source_changed', 'The source changed while it was read.')
    },
    close: () => file.close(),
  }
}
