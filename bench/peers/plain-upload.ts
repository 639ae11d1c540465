import { mkdir, open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { httpTransport } from '../../packages/client/src/platform/node/http-transport.ts'
import type { TestBucket } from '../../tests/dev-env/engines/bucket.ts'
import type { TreePeer } from './tree-peers.ts'

const PART = 8 * 1024 * 1024
const LANES = 4

/**
 * One large file in pieces of 8 MiB, as many at once as the command line sends and by the same HTTP client, but neither
 * encrypted nor hashed; it needs no program start either.
 */
export function plainUpload(bucket: TestBucket): TreePeer {
  const { endpoint, region } = bucket.ceph
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId: bucket.env.AWS_ACCESS_KEY_ID, secretAccessKey: bucket.env.AWS_SECRET_ACCESS_KEY },
    requestChecksumCalculation: 'WHEN_REQUIRED',
  })
  const transport = httpTransport()
  const place = (run: number, offset: number) => ({ Bucket: bucket.raw.name, Key: `plain-${run}/${offset}` })
  let size = 0

  const inPieces = async (task: (offset: number, buffer: Uint8Array<ArrayBuffer>) => Promise<void>): Promise<void> => {
    let next = 0
    const lane = async () => {
      const buffer = new Uint8Array(PART)
      while (next < size) {
        const offset = next
        next += PART
        await task(offset, buffer.subarray(0, Math.min(PART, size - offset)))
      }
    }
    await Promise.all(Array.from({ length: LANES }, lane))
  }
  return {
    by: 'plain upload of the same bytes, nothing encrypted or hashed',
    async put(source, run) {
      const path = join(source, 'file')
      size = (await stat(path)).size
      await using file = await open(path)
      await inPieces(async (offset, buffer) => {
        await file.read(buffer, 0, buffer.length, offset)
        const url = await getSignedUrl(client, new PutObjectCommand(place(run, offset)))
        const answer = await transport(url, { method: 'PUT', headers: {}, body: buffer })
        await answer.bytes(PART)
        if (answer.status !== 200) throw new Error(`the store answered ${answer.status}`)
      })
    },
    async get(run, target) {
      await mkdir(target, { recursive: true })
      await using file = await open(join(target, 'file'), 'w')
      await inPieces(async (offset, buffer) => {
        const url = await getSignedUrl(client, new GetObjectCommand(place(run, offset)))
        const answer = await transport(url, { method: 'GET', headers: {} })
        const bytes = await answer.bytes(PART, buffer)
        if (answer.status !== 200) throw new Error(`the store answered ${answer.status}`)
        await file.write(bytes, 0, bytes.length, offset)
      })
      await file.sync()
    },
  }
}
