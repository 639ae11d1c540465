import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import { decodeBytes, encodeBytes } from '@strongroom/protocol'
import { ServerError } from '../domain/errors.ts'
import type { PartTarget } from '../ports/index.ts'

export const PART_PATH = '/v1/store/parts'
export const OBJECT_PATH = '/v1/store/objects'

/** What a verified URL allows. */
export interface ObjectTarget {
  readonly blobId: Uint8Array
  /** What the database says; an object of another length is damaged. */
  readonly length: number
}

/** Signs URLs of the store routes: every value that matters is in the query and under one MAC. */
export interface StoreUrls {
  part(target: PartTarget, expiresAtMs: number): string
  object(blobId: Uint8Array, length: number, expiresAtMs: number): string
  /** @throws ServerError `url_invalid`: changed, expired or not one of ours */
  verifyPart(query: string): PartTarget
  verifyObject(query: string): ObjectTarget
}

const PART_NAMES = ['blob', 'upload', 'index', 'length', 'sha256', 'expires'] as const
const OBJECT_NAMES = ['blob', 'length', 'expires'] as const

export function storeUrls(key: KeyObject, clock: { nowMs(): number }): StoreUrls {
  const mac = (method: string, path: string, query: string): Buffer =>
    createHmac('sha256', key).update(`store-url\n${method}\n${path}\n${query}`).digest()

  function sign(method: string, path: string, values: readonly (readonly [string, string])[]): string {
    const query = values.map(([name, value]) => `${name}=${value}`).join('&')
    return `${path}?${query}&signature=${encodeBytes(mac(method, path, query))}`
  }

  function verify<Name extends string>(method: string, path: string, names: readonly Name[], query: string) {
    const end = query.lastIndexOf('&signature=')
    const signature = end < 0 ? null : decodeBytes(query.slice(end + '&signature='.length))
    const signed = query.slice(0, Math.max(0, end))
    const expected = mac(method, path, signed)
    if (signature === null || signature.length !== expected.length || !timingSafeEqual(signature, expected)) {
      throw new ServerError('url_invalid')
    }
    // The signature holds, so this text is one that `sign` wrote: these names, in this order.
    const values = signed.split('&').map((pair) => pair.slice(pair.indexOf('=') + 1))
    const named = Object.fromEntries(names.map((name, index) => [name, values[index] ?? ''])) as Record<Name, string>
    return named
  }

  function requireAlive(expires: string): void {
    if (!(Number(expires) > clock.nowMs())) throw new ServerError('url_invalid')
  }

  return {
    part: (target, expiresAtMs) =>
      sign('PUT', PART_PATH, [
        ['blob', encodeBytes(target.blobId)],
        ['upload', target.uploadId],
        ['index', String(target.index)],
        ['length', String(target.length)],
        ['sha256', encodeBytes(target.sha256)],
        ['expires', String(expiresAtMs)],
      ]),
    object: (blobId, length, expiresAtMs) =>
      sign('GET', OBJECT_PATH, [
        ['blob', encodeBytes(blobId)],
        ['length', String(length)],
        ['expires', String(expiresAtMs)],
      ]),
    verifyPart(query) {
      const values = verify('PUT', PART_PATH, PART_NAMES, query)
      requireAlive(values.expires)
      return {
        blobId: bytes(values.blob),
        uploadId: values.upload,
        index: Number(values.index),
        length: Number(values.length),
        sha256: bytes(values.sha256),
      }
    },
    verifyObject(query) {
      const values = verify('GET', OBJECT_PATH, OBJECT_NAMES, query)
      requireAlive(values.expires)
      return { blobId: bytes(values.blob), length: Number(values.length) }
    },
  }
}

function bytes(text: string): Uint8Array {
  const decoded = decodeBytes(text)
  if (decoded === null) throw new ServerError('url_invalid')
  return decoded
}
