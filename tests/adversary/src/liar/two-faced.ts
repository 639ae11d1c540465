import { createHmac, randomBytes } from 'node:crypto'
import {
  asBlobId,
  asDek,
  asNodeId,
  asVersionId,
  type BlobId,
  createContentEncryptor,
  partsRoot,
  SecretBytes,
} from '@strongroom/crypto'
import { hashMessage, u32, u64 } from '@strongroom/crypto/envelope'
import { nodeEngine } from '@strongroom/crypto/node'
import { encodeBody } from '@strongroom/vault'
import { contentAad } from '../../../../packages/crypto/src/content/content.ts'
import { collideKeys } from '../../../../packages/crypto/src/testing/gcm-collision.ts'
import type { Insider } from '../harness/insider.ts'

const engine = nodeEngine()
/** Of the plaintext; needs no padding. */
const SIZE = 512

/**
 * Puts a file into the root whose blob is authentic AES-GCM under two keys. Its signed record holds what belongs to the
 * first one; returned is the second, wrapped as the server hands keys out.
 */
export async function twoFaced(insider: Insider, name: string): Promise<string> {
  const blobId = asBlobId(randomBytes(16))
  const [first, second] = [Uint8Array.from(randomBytes(32)), Uint8Array.from(randomBytes(32))]
  const encryptor = await createContentEncryptor(engine, { dek: asDek(SecretBytes.take(first.slice())), blobId })
  const header = encryptor.header.slice()
  encryptor.dispose()
  const nonce = Uint8Array.from(randomBytes(12))
  const keyed = (dek: Uint8Array) => ({ key: segmentKey(dek, header, blobId), nonce })
  // Segment 0 is also the last one.
  const aad = new Uint8Array([...u64(0), 1])
  const rest = Uint8Array.from(randomBytes(SIZE - 16))
  const sealed = collideKeys(keyed(first), keyed(second), { aad, rest })
  const blob = Buffer.concat([u32(4 + 12 + sealed.length), nonce, sealed])
  const digests = await engine.sha256(blob)
  const place = { blobId, blobLength: blob.length, partSize: 8 * 1024 * 1024 }
  const record = { ...place, header, size: SIZE, partsRoot: await partsRoot(engine, { ...place, digests }) }
  const nodeId = asNodeId(randomBytes(16))
  const root = asNodeId((await engine.sha256(hashMessage('root', insider.keyring.vaultId))).slice(0, 16))
  const version = { versionId: asVersionId(randomBytes(16)), baseVersionId: null, mtimeMs: 0, mode: null }
  // A key of today, so that reading does not make the client encrypt the file anew.
  const dekTimeMs = Date.now()
  const body = encodeBody([
    { op: 'create', nodeId, parentId: root, name, kind: 'file' },
    { op: 'addVersion', nodeId, ...version, contents: [{ slot: 'main', ...record, dekTimeMs }] },
  ])
  await insider.store(blobId, blob)
  const added = [{ blobId, count: 1, sourceVault: null }]
  await insider.append(body, { added }, new Map([[blobId, asDek(SecretBytes.take(first))]]))
  return await insider.wrap(blobId, asDek(SecretBytes.take(second)))
}

/** Key of segment 0 (file-format §3). */
function segmentKey(dek: Uint8Array, header: Uint8Array, blobId: BlobId): Uint8Array<ArrayBuffer> {
  const expand = (key: Uint8Array, purpose: Uint8Array, length: number) =>
    createHmac('sha384', key)
      .update(Buffer.concat([header.subarray(0, 42), purpose, contentAad(blobId), Uint8Array.of(1)]))
      .digest()
      .subarray(0, length)
  const message = expand(dek, Buffer.from('MESSAGE_KEY:'), 48)
  return Uint8Array.from(expand(message, Buffer.concat([Buffer.from('DEK:'), u64(0)]), 32))
}
