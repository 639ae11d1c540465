import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutBucketCorsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'

export interface BucketAccess {
  readonly endpoint: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly region: string
}

/** A bucket as whoever owns it sees and changes it, past the server. */
export interface RawBucket {
  readonly name: string
  keys(prefix?: string): Promise<string[]>
  get(key: string): Promise<Buffer>
  put(key: string, bytes: Uint8Array): Promise<void>
  delete(key: string): Promise<void>
  /** Keys of the uploads that were begun and not ended. */
  uploads(): Promise<string[]>
  /** Begins an upload; its id. */
  beginUpload(key: string): Promise<string>
  /** The rules of a CORS configuration, as docs/storage.md shows them. */
  setCors(rules: readonly CorsRule[]): Promise<void>
  /** A bucket policy in JSON. */
  setPolicy(policy: string): Promise<void>
  /** One rule, which removes older versions below a prefix. */
  setLifecycle(rule: { readonly prefix: string; readonly noncurrentDays: number }): Promise<void>
  close(): void
}

export interface CorsRule {
  readonly AllowedOrigins: string[]
  readonly AllowedMethods: string[]
  readonly AllowedHeaders: string[]
  readonly ExposeHeaders: string[]
  readonly MaxAgeSeconds?: number
}

/** Makes a bucket. */
export async function createRawBucket(access: BucketAccess, name: string): Promise<RawBucket> {
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
  const { accessKeyId, secretAccessKey, endpoint, region } = access
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
  const Bucket = name
  await client.send(new CreateBucketCommand({ Bucket }))
  return {
    name,
    async keys(prefix = '') {
      const keys: string[] = []
      for (let token: string | undefined; ; ) {
        const more = token === undefined ? {} : { ContinuationToken: token }
        const page = await client.send(new ListObjectsV2Command({ Bucket, Prefix: prefix, ...more }))
        keys.push(...(page.Contents ?? []).flatMap(({ Key }) => Key ?? []))
        token = page.NextContinuationToken
        if (token === undefined) return keys
      }
    },
    async get(key) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: key }))
      return Buffer.from((await Body?.transformToByteArray()) ?? [])
    },
    async put(key, bytes) {
      await client.send(new PutObjectCommand({ Bucket, Key: key, Body: bytes, ContentLength: bytes.length }))
    },
    async delete(key) {
      await client.send(new DeleteObjectCommand({ Bucket, Key: key }))
    },
    async uploads() {
      const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket }))
      return (Uploads ?? []).flatMap(({ Key }) => Key ?? [])
    },
    async beginUpload(key) {
      return (await client.send(new CreateMultipartUploadCommand({ Bucket, Key: key }))).UploadId ?? ''
    },
    async setCors(rules) {
      await client.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules: [...rules] } }))
    },
    async setPolicy(policy) {
      await client.send(new PutBucketPolicyCommand({ Bucket, Policy: policy }))
    },
    async setLifecycle({ prefix, noncurrentDays }) {
      const NoncurrentVersionExpiration = { NoncurrentDays: noncurrentDays }
      const rule = { ID: 'older', Status: 'Enabled', Filter: { Prefix: prefix }, NoncurrentVersionExpiration } as const
      await client.send(
        new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules: [rule] } }),
      )
    },
    close: () => client.destroy(),
  }
}
