import { describe, expect, it } from 'vitest'
import { resolveStoreUrl } from './store.ts'

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
