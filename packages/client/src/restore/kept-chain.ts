import { type CryptoEngine, CryptoError, equalBytes, MIN_PART_SIZE, toHex } from '@strongroom/crypto'
import { type CommitHeader, checkpointHash, commitHash, type Section, splitCommit, VaultError } from '@strongroom/vault'
import { decodeSection } from '@strongroom/vault/header'
import type { HeadPin } from '../session/pins.ts'
import type { SeenRecord } from './records.ts'

/** A commit of this device's own history. */
export interface KeptCommit {
  readonly header: CommitHeader
  readonly hash: Uint8Array
  readonly bytes: Uint8Array
  readonly added: Section['added']
}

/** What a restore sends of one commit. */
export interface RestoredCommit {
  readonly commit: Uint8Array
  readonly wraps: { blobId: Uint8Array; epoch: number; bytes: Uint8Array }[]
  readonly blobs: { blobId: Uint8Array; blobLength: number; partSize: number; digests: Uint8Array }[]
  readonly checkpoint?: { seq: number; epoch: number; manifest: Uint8Array } | undefined
}

/**
 * The commits that this device has kept, from its pinned head back as far as they reach, oldest first. Each is found by
 * the hash that the next one names, so what a lying server had shown is never among them.
 */
export async function keptChain(
  engine: CryptoEngine,
  records: readonly SeenRecord[],
  pin: HeadPin,
): Promise<KeptCommit[]> {
  const byHash = new Map<string, KeptCommit>()
  for (const record of records) {
    if (record.kind !== 'commit') continue
    const kept = await parse(engine, record.bytes)
    if (kept !== null) byHash.set(toHex(kept.hash), kept)
  }
  const chain: KeptCommit[] = []
  for (let at = byHash.get(pin.hash); at !== undefined; ) {
    chain.push(at)
    const before = byHash.get(toHex(at.header.prev))
    at = before !== undefined && before.header.seq === at.header.seq - 1 ? before : undefined
  }
  return chain.reverse()
}

/** null for what is no commit, or whose section or body are not those that its header names. */
async function parse(engine: CryptoEngine, bytes: Uint8Array): Promise<KeptCommit | null> {
  try {
    const { header, headerBytes, sectionBytes, sealedBody } = splitCommit(bytes)
    if (!equalBytes(await engine.sha256(sectionBytes), header.sectionHash)) return null
    if (!equalBytes(await engine.sha256(sealedBody), header.bodyHash)) return null
    const { added } = decodeSection(sectionBytes)
    return { header, bytes, hash: await commitHash(engine, headerBytes), added }
  } catch (error) {
    if (error instanceof VaultError || error instanceof CryptoError) return null
    throw error
  }
}

/** Puts to each commit what was kept of the blobs that it adds, and the manifest that it names. */
export async function withContents(
  engine: CryptoEngine,
  chain: readonly KeptCommit[],
  records: readonly SeenRecord[],
): Promise<RestoredCommit[]> {
  const wraps = new Map<string, RestoredCommit['wraps'][number]>()
  const blobs = new Map<string, RestoredCommit['blobs'][number]>()
  const manifests = new Map<string, NonNullable<RestoredCommit['checkpoint']>>()
  for (const record of records) {
    if (record.kind === 'wrap') {
      const { blobId, epoch, bytes } = record
      wraps.set(`${epoch} ${toHex(blobId)}`, { blobId, epoch, bytes })
    } else if (record.kind === 'blob') {
      const { blobId, blobLength, digests } = record
      const partSize = partSizeOf(blobLength, digests.length / 32)
      if (partSize !== null) blobs.set(toHex(blobId), { blobId, blobLength, partSize, digests })
    } else if (record.kind === 'checkpoint') {
      const { seq, epoch, manifest } = record
      manifests.set(toHex(await checkpointHash(engine, manifest)), { seq, epoch, manifest })
    }
  }
  return chain.map(({ header, bytes, added }) => {
    const ids = added.map(({ blobId }) => toHex(blobId))
    const named = header.checkpointHash === null ? undefined : manifests.get(toHex(header.checkpointHash))
    return {
      commit: bytes,
      wraps: ids.flatMap((id) => wraps.get(`${header.epoch} ${id}`) ?? []),
      blobs: ids.flatMap((id) => blobs.get(id) ?? []),
      ...(named === undefined ? {} : { checkpoint: named }),
    }
  })
}

/** The one size of parts that gives so many; of a single part the smallest that holds it. */
function partSizeOf(blobLength: number, parts: number): number | null {
  const sizes = [1, 2, 4, 8].map((factor) => factor * MIN_PART_SIZE)
  return sizes.find((size) => Math.ceil(blobLength / size) === parts) ?? null
}
