import { createHash } from 'node:crypto'
import { mkdir, open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { S3Client } from '@aws-sdk/client-s3'
import { httpTransport } from '../../packages/client/src/platform/node/http-transport.ts'
import { writeAt } from '../../packages/client/src/platform/node/local-io.ts'
import { bucketUrls } from '../../packages/server/src/adapters/blob/s3-urls.ts'
import type { TestBucket } from '../../tests/dev-env/engines/bucket.ts'
import type { TreePeer } from './tree-peers.ts'

const PART = 8 * 1024 * 1024
const LANES = 4
const LIFE_MS = 60_000

/**
 * One large file in pieces of 8 MiB, as many at once as the command line sends and by the same HTTP client, but not
 * encrypted; it needs no program start either.
 *
 * @param options.isVerified - whether each piece is hashed and its address signs the hash, which the store then compares, as
 *   Strongroom has it do
 */
export async function plainUpload(bucket: TestBucket, { isVerified }: { isVerified: boolean }): Promise<TreePeer> {
  const { endpoint, region } = bucket.ceph
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId: bucket.env.AWS_ACCESS_KEY_ID, secretAccessKey: bucket.env.AWS_SECRET_ACCESS_KEY },
    requestChecksumCalculation: 'WHEN_REQUIRED',
  })
  const name = isVerified ? 'hashed' : 'plain'
  const urls = await bucketUrls(client, bucket.raw.name, `${name}/`)
  const transport = httpTransport()
  const key = (run: number, offset: number) => `${name}/${run}-${offset}`
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
    by: isVerified
      ? 'the same, each piece hashed and compared by the store'
      : 'plain upload of the same bytes, nothing encrypted or hashed',
    async put(source, run) {
      const path = join(source, 'file')
      size = (await stat(path)).size
      await using file = await open(path)
      await inPieces(async (offset, buffer) => {
        await file.read(buffer, 0, buffer.length, offset)
        const sha256 = isVerified ? createHash('sha256').update(buffer).digest('hex') : null
        const headers: Record<string, string> = sha256 === null ? {} : { 'x-amz-content-sha256': sha256 }
        const url = await urls.sign({ method: 'PUT', key: key(run, offset), headers, lifeMs: LIFE_MS })
        const answer = await transport(url, { method: 'PUT', headers, body: buffer })
        await answer.bytes(PART)
        if (answer.status !== 200) throw new Error(`the store answered ${answer.status}`)
      })
    },
    async get(run, target) {
      await mkdir(target, { recursive: true })
      await using file = await open(join(target, 'file'), 'w')
      await inPieces(async (offset, buffer) => {
        const url = await urls.sign({ method: 'GET', key: key(run, offset), lifeMs: LIFE_MS })
        const answer = await transport(url, { method: 'GET', headers: {} })
        const bytes = await answer.bytes(PART, buffer)
        if (answer.status !== 200) throw new Error(`the store answered ${answer.status}`)
        await writeAt(file, bytes, offset)
      })
    },
  }
}
