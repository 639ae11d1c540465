import { ClientError } from '../errors.ts'
import type { Clock, EncryptedPart } from '../ports.ts'
import type { Place } from '../transport/flight.ts'
import { withRetries } from '../transport/retry.ts'
import { AlreadyThere, UrlRefused } from '../transport/store.ts'
import type { UploadChannel } from './types.ts'

/** How often a refused URL is asked for anew. */
const URL_ATTEMPTS = 4

export interface SentPart {
  readonly etag: string
  readonly sha256: Uint8Array
}

export interface PartSender {
  /** Sends one part from its place; any order, several at a time. Repeats what may pass. */
  send(part: EncryptedPart, place: Place): Promise<SentPart>
  /** Counts a part as sent that an earlier attempt has sent. */
  adopt(index: number, part: SentPart): void
  /** Every part sent, in order. */
  parts(): SentPart[]
}

export interface SenderOptions {
  readonly channel: UploadChannel
  readonly blobId: Uint8Array
  readonly clock: Clock
  readonly random: () => number
  readonly signal?: AbortSignal | undefined
}

/** Whether a part was refused because its upload is over: completed with other parts, or removed. */
export function isLostUpload(error: unknown): boolean {
  return error instanceof ClientError && error.code === 'server' && error.details.status === 404
}

/** Sends encrypted parts to presigned URLs; no key is reachable from here. */
export function partSender({ channel, blobId, clock, random, signal }: SenderOptions): PartSender {
  const sent: (SentPart | undefined)[] = []

  const freshUrl = async (part: EncryptedPart) => {
    const body = { parts: [{ blobId, index: part.index, length: part.bytes.length, sha256: part.sha256 }] }
    const answer = await channel.api.call('blobsParts', { body, signal })
    const url = answer.parts[0]
    if (url === undefined) throw new ClientError('server', 'The server answered no address for a part.')
    return url
  }

  const put = async (part: EncryptedPart, place: Place): Promise<string> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await withRetries({ clock, random, signal }, async (repetition) => {
          if (repetition > 1) await place.again(signal)
          // Reason: waiting may have outlived the last URL, so every attempt gets its own.
          const { url, headers } = await freshUrl(part)
          return await channel.access.put({ url, headers, body: part.bytes, signal })
        })
      } catch (error) {
        // An answer to the earlier PUT was lost; `blobsComplete` has the store compare the digest.
        if (error instanceof AlreadyThere) return '*'
        if (!(error instanceof UrlRefused)) throw error
        if (attempt >= URL_ATTEMPTS) throw new ClientError('server', 'The store refuses the addresses it is given.')
      }
    }
  }

  return {
    async send(part, place) {
      const done = { etag: await put(part, place), sha256: part.sha256 }
      sent[part.index] = done
      return done
    },
    adopt(index, { etag, sha256 }) {
      sent[index] = { etag, sha256 }
    },
    parts() {
      const complete = Array.from(sent).filter((part) => part !== undefined)
      if (complete.length !== sent.length) throw new Error('a part was never sent')
      return complete
    },
  }
}
