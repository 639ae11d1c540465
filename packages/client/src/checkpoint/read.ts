import {
  type BlobId,
  type CryptoEngine,
  type Dek,
  equalBytes,
  type Keyring,
  type SecretBytes,
  signatureMessage,
  toHex,
} from '@strongroom/crypto'
import {
  type ChainState,
  type CommitHeader,
  type ContentRecord,
  checkpointHash,
  commitHash,
  HEADER_LENGTH,
  membersHash,
  openCheckpointState,
  openManifest,
  parseHeader,
  SIGNATURE_LENGTH,
} from '@strongroom/vault'
import { integrityError } from '../errors.ts'
import { forked, type HeadPin } from '../session/pins.ts'
import { type Api, apiCode } from '../transport/api.ts'
import type { DekOpener } from '../vault-log/types.ts'
import type { OpenedCheckpoint, ServedCheckpoint } from './types.ts'

/** How often the newest checkpoint is asked for again because another one took its place meanwhile. */
const ATTEMPTS = 3

/** Fetches the plaintext of contents, each as its signed record says. @throws ClientError `integrity` */
export type ContentReader = (
  records: readonly ContentRecord[],
  unwrap: DekOpener,
  signal: AbortSignal | undefined,
) => Promise<Uint8Array[]>

export interface CheckpointReading {
  readonly engine: CryptoEngine
  readonly api: Api
  /** What the account signed about its private vault; borrowed. */
  readonly keyring: Keyring
  /** Key of an epoch; borrowed. @throws ClientError `integrity` */
  readonly checkpointKey: (epoch: number) => Promise<SecretBytes>
  readonly unwrap: (epoch: number, blobId: BlobId, wrapped: Uint8Array) => Promise<Dek>
  readonly readContents: ContentReader
}

/**
 * Opens the newest checkpoint of the private vault; null when none was named after the account's anchor. The commit
 * that names it must be signed by this account's identity, which vouches for all that came before.
 *
 * @throws VaultError or CryptoError where its bytes break a rule, ClientError `integrity`, `network`, `upgrade_required`
 */
export async function openNewestCheckpoint(
  reading: CheckpointReading,
  pin: HeadPin | undefined,
  signal: AbortSignal | undefined,
): Promise<OpenedCheckpoint | null> {
  const { api, keyring } = reading
  let before = -1
  for (let attempt = 1; ; attempt += 1) {
    const served = await api.call('checkpointRead', { params: { vaultId: keyring.vaultId }, signal })
    const { checkpoint } = served
    if (checkpoint === null || checkpoint.namedBySeq <= keyring.anchor.seq) return null
    try {
      return await openServed(reading, { served, checkpoint, pin }, signal)
    } catch (error) {
      // Another one may have been named since, which released this one's blobs.
      if (apiCode(error) !== 'not_found' || attempt >= ATTEMPTS) throw error
      if (checkpoint.namedBySeq === before) throw integrityError('the content of a checkpoint', error)
      before = checkpoint.namedBySeq
    }
  }
}

async function openServed(
  reading: CheckpointReading,
  input: {
    served: ServedCheckpoint
    checkpoint: NonNullable<ServedCheckpoint['checkpoint']>
    pin: HeadPin | undefined
  },
  signal: AbortSignal | undefined,
): Promise<OpenedCheckpoint> {
  const { engine, keyring } = reading
  const { served, checkpoint, pin } = input
  const { vaultId } = keyring
  const hash = await checkpointHash(engine, checkpoint.manifest)
  const named = await readHeader(reading, checkpoint.namedBySeq, signal)
  await checkNaming(reading, named, hash)
  const place = { vaultId, epoch: checkpoint.epoch, seq: checkpoint.seq }
  // Reason: what the server says of a checkpoint's place is a claim; the signed header bounds it.
  if (place.seq >= named.header.seq || place.epoch > named.header.epoch) throw wrong('the place of a checkpoint')
  const manifest = await openManifest(engine, await reading.checkpointKey(place.epoch), place, checkpoint.manifest)
  const at = await readHeader(reading, manifest.seq, signal)
  if (!equalBytes(at.hash, manifest.commitHash)) throw wrong('the commit of a checkpoint')
  // Invariant: a table of members is never taken from a checkpoint alone.
  const members = await membersHash(engine, manifest.members)
  if (!equalBytes(members, at.header.membersHash)) throw wrong('the members of a checkpoint')
  if (pin !== undefined && pin.seq <= manifest.seq) await checkAncestor(reading, pin, at, signal)
  const unwrap: DekOpener = async (epoch, blobId, wrapped) => {
    if (epoch > named.header.epoch) throw wrong('the epoch of a wrapped key')
    return await reading.unwrap(epoch, blobId, wrapped)
  }
  const [base = new Uint8Array(0), ...deltas] = await reading.readContents(
    [manifest.base, ...manifest.deltas],
    unwrap,
    signal,
  )
  const state = await openCheckpointState(engine, vaultId, manifest, { base, deltas })
  const head = { seq: manifest.seq, hash: manifest.commitHash }
  const chain: ChainState = { vaultId, head, epoch: manifest.epoch, members: manifest.members }
  const namedBy = { seq: named.header.seq, hash: named.hash }
  return { manifest, served, namedBy, hash, chain, state }
}

interface ReadHeader {
  readonly header: CommitHeader
  readonly hash: Uint8Array
  readonly signature: Uint8Array
}

async function readHeader(
  reading: CheckpointReading,
  seq: number,
  signal: AbortSignal | undefined,
): Promise<ReadHeader> {
  const { api, keyring } = reading
  const query = { from: seq, limit: 1 }
  const { headers } = await api.call('headersRead', { params: { vaultId: keyring.vaultId }, query, signal })
  const [bytes] = headers
  if (bytes === undefined) throw wrong('the header of a commit')
  return await parse(reading, bytes, seq)
}

async function parse({ engine, keyring }: CheckpointReading, bytes: Uint8Array, seq: number): Promise<ReadHeader> {
  const headerBytes = bytes.subarray(0, HEADER_LENGTH)
  const header = parseHeader(headerBytes)
  if (header.seq !== seq || !equalBytes(header.vaultId, keyring.vaultId)) throw wrong('the place of a header')
  const signature = bytes.subarray(HEADER_LENGTH, HEADER_LENGTH + SIGNATURE_LENGTH)
  return { header, hash: await commitHash(engine, headerBytes), signature }
}

/** The naming commit must name these very bytes and be signed by this account's identity. */
async function checkNaming({ engine, keyring }: CheckpointReading, named: ReadHeader, hash: Uint8Array): Promise<void> {
  const { header, signature } = named
  if (header.checkpointHash === null || !equalBytes(header.checkpointHash, hash)) throw wrong('a checkpoint')
  if (!equalBytes(header.accountId, keyring.accountId)) throw wrong('the author of a checkpoint')
  const publicKey = await keyring.identitySeeds.ed25519.use((seed) => engine.ed25519PublicKey(seed))
  const signed = await engine.ed25519Verify(publicKey, signatureMessage('commit', named.hash), signature)
  if (!signed) throw wrong('the signature of a checkpoint')
}

/** Follows the chain of headers from what this device has seen up to a checkpoint's commit. */
async function checkAncestor(
  reading: CheckpointReading,
  pin: HeadPin,
  at: ReadHeader,
  signal: AbortSignal | undefined,
): Promise<void> {
  const params = { vaultId: reading.keyring.vaultId }
  let previous: ReadHeader | null = null
  for (let next = pin.seq; next <= at.header.seq; ) {
    const query = { from: next, limit: Math.min(10_000, at.header.seq - next + 1) }
    const { headers } = await reading.api.call('headersRead', { params, query, signal })
    if (headers.length === 0) throw wrong('the headers of the log')
    for (const bytes of headers) {
      const current = await parse(reading, bytes, next)
      const follows =
        previous === null ? toHex(current.hash) === pin.hash : equalBytes(current.header.prev, previous.hash)
      if (!follows) throw forked()
      previous = current
      next += 1
    }
  }
  if (previous === null || !equalBytes(previous.hash, at.hash)) throw forked()
}

function wrong(what: string): Error {
  return integrityError(what)
}
