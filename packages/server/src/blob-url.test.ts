import { describe, expect, it } from 'vitest'
import { parseBlobUrl } from './blob-url.ts'

describe('BLOB_URL', () => {
  it('names a folder', () => {
    expect(parseBlobUrl('file:///srv/blobs')).toEqual({ kind: 'file', folder: '/srv/blobs' })
  })

  it('names a bucket of AWS by its name alone, with or without a prefix and a region', () => {
    const bare = { kind: 's3', bucket: 'my-files', prefix: '', endpoint: null, region: null, forcePathStyle: false }
    expect(parseBlobUrl('s3://my-files')).toEqual(bare)
    expect(parseBlobUrl('s3://my-files/')).toEqual(bare)
    expect(parseBlobUrl('S3://my-files/a/b.c/?region=eu-central-1')).toEqual({
      ...bare,
      prefix: 'a/b.c/',
      region: 'eu-central-1',
    })
  })

  it('names a bucket of another store by its endpoint, which has a region whether it needs one or not', () => {
    expect(parseBlobUrl('s3://Odd_Bucket.1?endpoint=http%3A%2F%2F127.0.0.1%3A8090&forcePathStyle=true')).toEqual({
      kind: 's3',
      bucket: 'Odd_Bucket.1',
      prefix: '',
      endpoint: 'http://127.0.0.1:8090',
      region: 'us-east-1',
      forcePathStyle: true,
    })
    expect(parseBlobUrl('s3://files/p?endpoint=https://s3.example.org/&region=garage')).toMatchObject({
      endpoint: 'https://s3.example.org',
      region: 'garage',
      forcePathStyle: false,
    })
  })

  it('is refused with the reason, and without a word of it', () => {
    const cases: readonly [string, RegExp][] = [
      ['secret', /^must be file:/],
      ['https://secret', /^must be file:/],
      ['file:secret', /absolute path/],
      ['file://host/secret', /absolute path/],
      ['s3:secret', /^must be file:/],
      ['s3://', /bucket name/],
      ['s3:///secret', /bucket name/],
      ['s3://-secret', /bucket name/],
      ['s3://sec..ret', /bucket name/],
      ['s3://AKIASECRET:secret@files', /no credentials/],
      ['s3://host:9000/secret', /no credentials/],
      ['s3://files/secret//a', /prefix/],
      ['s3://files/../secret', /prefix/],
      ['s3://files/sec ret', /prefix/],
      [`s3://files/${'secret'.repeat(40)}`, /prefix/],
      ['s3://files#secret', /^must be file:/],
      ['s3://files?secret=1', /parameter/],
      ['s3://files?region=a&region=secret', /parameter/],
      ['s3://files?endpoint=secret', /endpoint/],
      ['s3://files?endpoint=ftp://secret', /endpoint/],
      ['s3://files?endpoint=https://user:secret@host', /endpoint/],
      ['s3://files?endpoint=https://host/secret', /endpoint/],
      ['s3://files?endpoint=https://host/?secret', /endpoint/],
      ['s3://files?region=sec/ret', /region/],
      ['s3://files?region=', /region/],
      ['s3://files?forcePathStyle=secret', /forcePathStyle/],
    ]
    for (const [text, reason] of cases) {
      const error = (() => {
        try {
          return parseBlobUrl(text)
        } catch (thrown) {
          return thrown
        }
      })()
      expect(error, text).toBeInstanceOf(Error)
      expect((error as Error).message, text).toMatch(reason)
      expect((error as Error).message, text).not.toContain('secret')
    }
  })
})
