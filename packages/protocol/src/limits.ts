const KIB = 1024
const MIB = 1024 * KIB

/** Numbers that client and server both obey; `spec/upload-protocol.md` lists them. */
export const LIMITS = {
  /** Longest login name, in UTF-16 units, before normalisation. */
  loginLength: 254,
  /** Blobs, parts or downloads in one request. */
  batch: 1000,
  /** Largest request body in bytes, where a route states none of its own. */
  bodyBytes: 64 * KIB,
  /** Largest request body that holds a batch of blobs or a commit. */
  batchBodyBytes: 16 * MIB,
  /** Largest request body of a registration: keyring and genesis commit in base64url, and the rest. */
  registrationBodyBytes: 5 * MIB,
  /** Largest part that may travel inside a reservation, in bytes. */
  inlinePartBytes: 256 * KIB,
  /** Most bytes of parts inside one reservation request. */
  inlineBytesPerRequest: 8 * MIB,
  /** Largest commit: header, signature, section (1 MiB) and body (1 MiB). */
  commitBytes: 276 + 64 + 2 * MIB,
  /** Largest sealed small object. */
  sealedBytes: MIB + 4 * KIB,
  /** Largest request body that holds a sealed small object in base64url. */
  sealedBodyBytes: 1536 * KIB,
  /** A sealed DEK: version, salt, commitment, 32 bytes, tag. */
  wrapBytes: 1 + 24 + 32 + 32 + 16,
  /** Largest sealed manifest of a checkpoint. */
  checkpointBytes: MIB,
  /** Commits in one answer. */
  commitsPerPage: 1000,
  /** Bytes of commits in one answer, but for a single larger commit. */
  commitBytesPerPage: 4 * MIB,
  /** How long a request for a newer head waits, in milliseconds. */
  headWaitMs: 25_000,
  /** Requests of one account that may wait for newer heads at once, on one server. */
  headWaiters: 32,
  /** Commits in one request that gives them back. */
  restoredCommits: 200,
  /** Entries of an audit log in one answer. */
  auditPerPage: 1000,
  /** Headers in one answer. */
  headersPerPage: 10_000,
  /** Most parts of a blob. */
  parts: 10_000,
  /** Largest part. */
  partBytes: 64 * MIB,
  /** Largest blob: 10,000 parts of 64 MiB. */
  blobBytes: 10_000 * 64 * MIB,
  /** Longest life of a presigned URL, in milliseconds. */
  urlLifeMs: 5 * 60 * 1000,
  /** Life of the state between the two login requests, in milliseconds. */
  loginLifeMs: 60 * 1000,
  /** Life of a recovery after the recovery key was proved: time to write the new one down, in milliseconds. */
  recoveryLifeMs: 30 * 60 * 1000,
  /** Life of a login that waits for its second factor, in milliseconds. */
  ticketLifeMs: 5 * 60 * 1000,
  /** Codes that may be tried in one login. */
  ticketTries: 5,
  /** Time in which a second factor that was begun can be confirmed, in milliseconds. */
  enrolmentLifeMs: 30 * 60 * 1000,
  /** Backup codes in a set. */
  backupCodes: 10,
} as const

/** Versions of this protocol that the code speaks. */
export const PROTOCOL_VERSIONS: readonly number[] = [1]
