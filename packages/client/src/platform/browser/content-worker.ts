import { webCryptoEngine } from '@strongroom/crypto'
import { ClientError } from '../../errors.ts'
import type { LocalFile } from '../../ports.ts'
import { contentJobs, type OpenLocalFile } from '../../workers/content-jobs.ts'
import type { ToWorker } from '../../workers/content-protocol.ts'

/** The worker in which a page's content is encrypted; to be called by its script. */
export function serveContent(): void {
  const handle = contentJobs({ engine: webCryptoEngine(), openFile }, (response, transfer) =>
    self.postMessage(response, { transfer }),
  )
  self.onmessage = ({ data }: MessageEvent<ToWorker>) => handle(data)
}

async function openFile({ blob }: LocalFile): Promise<OpenLocalFile> {
  if (blob === undefined) throw new Error('a page reads blobs')
  return {
    async read(offset, buffer) {
      try {
        const bytes = new Uint8Array(await blob.slice(offset, offset + buffer.length).arrayBuffer())
        if (bytes.length === buffer.length) return bytes
      } catch (cause) {
        throw new ClientError('source_changed', 'The source changed while it was read.', { cause })
      }
      throw new ClientError('source_changed', 'The source became shorter while it was read.')
    },
    close: async () => {},
  }
}
