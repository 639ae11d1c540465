import { GetObjectCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { bucketUrls } from './s3-urls.ts'

const CREDENTIALS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'not a secret' }
const MINUTE = 60_000

describe('presigned addresses of a bucket', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] })
    vi.setSystemTime(new Date('2026-01-02T03:04:05.678Z'))
    process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  function client(config: S3ClientConfig): S3Client {
    return new S3Client({
      region: 'eu-central-1',
      credentials: CREDENTIALS,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      ...config,
    })
  }

  it.each<[string, string, S3ClientConfig, string]>([
    ['a bucket of AWS', 'files', {}, 'https://files.s3.eu-central-1.amazonaws.com/p/objects/1?'],
    ['one with dots', 'my.files', {}, 'https://s3.eu-central-1.amazonaws.com/my.files/p/objects/1?'],
    [
      'another store',
      'files',
      { endpoint: 'https://s3.example.org:9000' },
      'https://files.s3.example.org:9000/p/objects/1?',
    ],
    [
      'another store, in the path',
      'files',
      { endpoint: 'http://127.0.0.1:8080', forcePathStyle: true },
      'http://127.0.0.1:8080/files/p/objects/1?',
    ],
  ])('begin where the SDK says: %s', async (_, bucket, config, beginning) => {
    const urls = await bucketUrls(client(config), bucket, 'p/')
    const url = await urls.sign({ method: 'GET', key: 'p/objects/1', lifeMs: MINUTE })
    expect(url.startsWith(beginning)).toBe(true)
    expect(urls.origin).toBe(new URL(beginning).origin)
  })

  it('are those of the SDK itself, for the same request', async () => {
    for (const config of [{}, { endpoint: 'http://127.0.0.1:8080', forcePathStyle: true }]) {
      const sdk = client(config)
      const expected = await getSignedUrl(sdk, new GetObjectCommand({ Bucket: 'files', Key: 'p/objects/1' }), {
        expiresIn: 60,
      })
      const urls = await bucketUrls(sdk, 'files', 'p/')
      const url = await urls.sign({ method: 'GET', key: 'p/objects/1', query: { 'x-id': 'GetObject' }, lifeMs: MINUTE })
      expect([...new URL(url).searchParams].sort()).toEqual([...new URL(expected).searchParams].sort())
      expect(url.split('?')[0]).toBe(expected.split('?')[0])
    }
  })

  it('sign every header that they are told, and live for five minutes at most', async () => {
    const urls = await bucketUrls(client({}), 'files', '')
    const headers = { 'content-length': '5', 'if-none-match': '*', 'x-amz-checksum-sha256': 'abc=' }
    const { searchParams } = new URL(await urls.sign({ method: 'PUT', key: 'objects/1', headers, lifeMs: 1e12 }))
    expect(searchParams.get('X-Amz-SignedHeaders')).toBe('content-length;host;if-none-match;x-amz-checksum-sha256')
    expect(searchParams.get('X-Amz-Expires')).toBe('300')
    const signature = async (change: object) =>
      new URL(
        await urls.sign({ method: 'PUT', key: 'objects/1', headers, lifeMs: MINUTE, ...change }),
      ).searchParams.get('X-Amz-Signature')
    const signatures = await Promise.all([
      signature({}),
      signature({ key: 'objects/2' }),
      signature({ method: 'GET' }),
      signature({ lifeMs: MINUTE + 1000 }),
      signature({ query: { partNumber: '1' } }),
      ...Object.keys(headers).map((name) => signature({ headers: { ...headers, [name]: '7' } })),
    ])
    expect(new Set(signatures).size).toBe(signatures.length)
  })

  it('are made for the clock of the store, where this machine has another', async () => {
    const sdk = client({})
    sdk.config.systemClockOffset = 3_600_000
    const urls = await bucketUrls(sdk, 'files', '')
    const { searchParams } = new URL(await urls.sign({ method: 'GET', key: 'objects/1', lifeMs: MINUTE }))
    expect(searchParams.get('X-Amz-Date')).toBe('20260102T040405Z')
  })
})
