import { describe, expect, it } from 'vitest'
import type { Transport } from '../ports.ts'
import { Transient } from './retry.ts'
import { AlreadyThere, createStoreAccess, resolveStoreUrl, UrlRefused } from './store.ts'

const server = 'https://files.example.org'

describe('resolveStoreUrl', () => {
  it('takes paths of the server and origins of its record', () => {
    expect(resolveStoreUrl('/v1/store/x?sig=1', server, [])).toBe('https://files.example.org/v1/store/x?sig=1')
    expect(resolveStoreUrl('https://files.example.org/a', server, [])).toBe('https://files.example.org/a')
    expect(resolveStoreUrl('https://s3.example.net/b', server, ['https://s3.example.net'])).toBe(
      'https://s3.example.net/b',
    )
  })

  it.each([
    '//evil.example/x',
    '/\\evil.example/x',
    'https://evil.example/x',
    'http://files.example.org/x',
    'https://files.example.org:444/x',
    'https://files.example.org@evil.example/x',
    'https://user:pass@files.example.org/x',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'not a url',
  ])('refuses %s', (url) => {
    expect(() => resolveStoreUrl(url, server, ['https://s3.example.net'])).toThrow(
      expect.objectContaining({ code: 'integrity' }),
    )
  })
})

describe('what a store answers', () => {
  const clock = { nowMs: () => 0, sleep: async () => undefined }

  function answering(status: number, body: string, headers: Record<string, string> = {}) {
    const asked: { url: string; headers: Readonly<Record<string, string>> }[] = []
    const transport: Transport = async (url, request) => {
      asked.push({ url, headers: request.headers })
      return {
        status,
        header: (name) => headers[name] ?? null,
        bytes: async () => new TextEncoder().encode(body),
      }
    }
    const access = createStoreAccess({ server, origins: ['https://s3.example.net'], transport, clock })
    const url = 'https://s3.example.net/bucket/objects/1?X-Amz-Signature=1'
    return {
      asked,
      put: () => access.put({ url, headers: { 'x-amz-checksum-sha256': 'x' }, body: new Uint8Array(3) }),
      get: () => access.getRange({ url, offset: 0, length: 3, total: 3, into: new Uint8Array(3) }),
    }
  }

  const xml = (code: string) => `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code></Error>`
  const outcome = (error: unknown) =>
    error instanceof UrlRefused
      ? 'ask for another address'
      : error instanceof Transient
        ? 'try again'
        : String((error as { code?: unknown }).code)

  it.each([
    [403, 'AccessDenied', 'ask for another address', 'ask for another address'],
    [403, 'SignatureDoesNotMatch', 'ask for another address', 'ask for another address'],
    [403, 'RequestTimeTooSkewed', 'ask for another address', 'ask for another address'],
    [400, 'ExpiredToken', 'ask for another address', 'ask for another address'],
    [403, 'QuotaExceeded', 'quota', 'quota'],
    [507, 'XMinioStorageFull', 'quota', 'quota'],
    [400, 'RequestTimeout', 'try again', 'try again'],
    [400, 'IncompleteBody', 'try again', 'try again'],
    [400, 'XAmzContentSHA256Mismatch', 'try again', 'try again'],
    [400, 'BadDigest', 'try again', 'try again'],
    [409, 'ConditionalRequestConflict', 'try again', 'try again'],
    [503, 'SlowDown', 'try again', 'try again'],
    [500, 'InternalError', 'try again', 'try again'],
    [400, 'InvalidArgument', 'server', 'server'],
    [404, 'NoSuchKey', 'server', 'integrity'],
    [404, 'NoSuchUpload', 'server', 'integrity'],
    [404, 'NoSuchBucket', 'server', 'server'],
    [416, 'InvalidRange', 'server', 'integrity'],
  ])('%d %s means for a part: %s, for an object: %s', async (status, code, part, object) => {
    const store = answering(status, xml(code))
    expect(outcome(await store.put().catch((error: unknown) => error))).toBe(part)
    expect(outcome(await store.get().catch((error: unknown) => error))).toBe(object)
  })

  it('tells a part that something is there already, in the words of S3 and of a server that passes it on', async () => {
    const own = JSON.stringify({ code: 'blob_conflict', message: '', requestId: 'r1' })
    await expect(answering(412, xml('PreconditionFailed')).put()).rejects.toBeInstanceOf(AlreadyThere)
    await expect(answering(409, own).put()).rejects.toBeInstanceOf(AlreadyThere)
    await expect(answering(409, own).get()).rejects.toMatchObject({ code: 'server' })
  })

  it('is taken for neither more nor less than it says', async () => {
    await expect(answering(200, '').put()).rejects.toMatchObject({ code: 'server' })
    expect(await answering(200, '', { etag: '"1"' }).put()).toBe('"1"')
    await expect(answering(307, '', { location: 'https://s3.example.net/x' }).put()).rejects.toMatchObject({
      code: 'integrity',
    })
    await expect(answering(206, 'abcd').get()).rejects.toMatchObject({ code: 'integrity' })
    await expect(answering(206, 'abc', { 'content-range': 'bytes 0-2/4' }).get()).rejects.toMatchObject({
      code: 'integrity',
    })
  })

  it('is asked for without credentials', async () => {
    const store = answering(200, 'abc', { etag: '"1"' })
    await store.put()
    await store.get()
    const names = store.asked.flatMap(({ headers }) => Object.keys(headers).map((name) => name.toLowerCase()))
    expect(names.sort()).toEqual(['range', 'x-amz-checksum-sha256'])
  })
})
