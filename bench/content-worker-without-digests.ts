// The threads of the command line, but no part is hashed: what encryption alone costs.
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { parentPort } from 'node:worker_threads'
import { nodeEngine } from '@strongroom/crypto/node'
import { contentJobs } from '../packages/client/src/workers/content-jobs.ts'
import type { ToWorker } from '../packages/client/src/workers/content-protocol.ts'

const engine = { ...nodeEngine(), sha256: async () => new Uint8Array(32) }
const handle = contentJobs(
  {
    engine,
    async openFile({ path }) {
      const file = await open(path, constants.O_RDONLY)
      return {
        async read(offset, buffer) {
          await file.read(buffer, 0, buffer.length, offset)
          return buffer
        },
        close: () => file.close(),
      }
    },
  },
  (response, transfer) => parentPort?.postMessage(response, transfer),
)
parentPort?.on('message', (message: ToWorker) => handle(message))
