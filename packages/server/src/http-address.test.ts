import { expect, it } from 'vitest'
import { parseAddress } from './http-address.ts'

it('an address to listen on has a host and a port', () => {
  expect(parseAddress('127.0.0.1:9464')).toEqual({ host: '127.0.0.1', port: 9464 })
  expect(parseAddress('metrics.internal:80')).toEqual({ host: 'metrics.internal', port: 80 })
  expect(parseAddress('[::1]:9464')).toEqual({ host: '::1', port: 9464 })
  for (const text of [
    '9464',
    ':9464',
    '127.0.0.1',
    '127.0.0.1:0',
    '127.0.0.1:70000',
    '::1:9464',
    '[1]:9464',
    'a b:1',
    'http://a:1',
  ]) {
    expect(parseAddress(text), text).toBeNull()
  }
})
