import type { TransferOptions } from '../drive/types.ts'

/** What is wrong with a stored content. */
export type FindingKind =
  /** The server or the store says that it is not there. */
  | 'missing'
  /** Its bytes, its length or its list of digests are not the signed ones. */
  | 'damaged'
  /** The stored key is not the one of the signed record. */
  | 'key'
  /** It could not be read this time: nothing is known about it. */
  | 'unreadable'

/** A stored content that is not as it was signed, and one version of a file that needs it. */
export interface Finding {
  readonly kind: FindingKind
  /** Where the file is, or was before it went into the trash; null for the index snapshot that new devices begin with. */
  readonly path: string | null
  /** 1 is the oldest that is left; null for the index snapshot. */
  readonly version: number | null
  /** Whether it is the newest version of its file. */
  readonly current: boolean
  readonly trashed: boolean
  /** `main`, or what else belongs to the version, as `thumbnail`. */
  readonly slot: string
  /** The first part that differs; null where none was compared. */
  readonly part: number | null
}

export interface VerifyOptions extends TransferOptions {
  /** A file, or a folder with all below it: every version of them. Default: everything, also what is in the trash. */
  readonly path?: string | undefined
  /** Decrypt what was compared too, and throw the plaintext away. Default: digests decide. */
  readonly decrypt?: boolean | undefined
  /** A part of the contents, chosen at random: 0 < sample ≤ 1. Such a run is not resumed. */
  readonly sample?: number | undefined
  /** Begin anew, where an earlier run was interrupted. */
  readonly restart?: boolean | undefined
  /** Told of every finding, also of those of the run that this one goes on with. */
  readonly onFinding?: ((finding: Finding) => void) | undefined
}

export interface VerifyResult {
  /** Stored contents that are as they were signed, each once; those of an earlier run included. */
  readonly contents: number
  /** Their bytes as they are stored. */
  readonly bytes: number
  /** How many contents an earlier run, which was interrupted, had been through. */
  readonly resumed: number
  readonly findings: readonly Finding[]
}
