import type { ContentLayout } from '@strongroom/crypto'
import type { LocalFile } from '../ports.ts'

/** What a content worker is told first about a blob; the key is wiped from the message's copy once it is taken over. */
export interface OpenJob {
  readonly type: 'open'
  readonly job: number
  readonly mode: 'encrypt' | 'decrypt'
  readonly dek: Uint8Array
  readonly blobId: Uint8Array
  readonly header: Uint8Array
  readonly layout: ContentLayout
  /** Of the parts' macs; null where none are wanted. */
  readonly macKey: Uint8Array | null
  /** What to read; null for decryption. */
  readonly file: LocalFile | null
}

/** One part to do. A ciphertext travels as a transferred buffer; so does the result. */
export interface PartTask {
  readonly type: 'part'
  readonly job: number
  readonly task: number
  readonly index: number
  /** Only the mac of the plaintext is wanted; `output` is not touched. Encryption only. */
  readonly macOnly: boolean
  readonly ciphertext: Uint8Array<ArrayBuffer> | null
  readonly sha256: Uint8Array | null
  /** Where the result goes; comes back with it. */
  readonly output: Uint8Array<ArrayBuffer>
}

export interface CloseJob {
  readonly type: 'close'
  readonly job: number
}

export type ToWorker = OpenJob | PartTask | CloseJob

export type FromWorker =
  | {
      readonly task: number
      /** A view of the task's `output`. */
      readonly bytes: Uint8Array<ArrayBuffer>
      readonly sha256: Uint8Array
      readonly mac: Uint8Array | null
      /** The task's buffer, for reuse. */
      readonly ciphertext: Uint8Array<ArrayBuffer> | null
    }
  | { readonly task: number; readonly failure: { readonly code: string; readonly message: string } }
