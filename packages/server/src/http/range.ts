import { ServerError } from '../domain/errors.ts'
import type { ByteRange } from '../ports/index.ts'

/**
 * One byte range of an object of `length` bytes; null for the whole: no header, another unit, several ranges or
 * text that is no range (RFC 9110 §14.2 lets a server ignore those).
 *
 * @throws ServerError `range_invalid` when it lies outside the object
 */
export function parseRange(header: string | undefined, length: number): ByteRange | null {
  const match = /^bytes=(\d{0,16})-(\d{0,16})$/.exec(header ?? '')
  if (match === null) return null
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return null
  if (first === '') {
    const suffix = Math.min(Number(last), length)
    if (suffix === 0) throw new ServerError('range_invalid')
    return { offset: length - suffix, length: suffix }
  }
  const offset = Number(first)
  const end = last === '' ? length - 1 : Math.min(Number(last), length - 1)
  if (last !== '' && Number(last) < offset) return null
  if (offset >= length) throw new ServerError('range_invalid')
  return { offset, length: end - offset + 1 }
}
