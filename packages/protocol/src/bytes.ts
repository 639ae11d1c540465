import { z } from './zod.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const CHUNK = 0x8000
// Node's own codec is some twenty times faster on the megabytes of a batch.
const HAS_BUFFER = typeof Buffer === 'function'

/** Encodes bytes as base64url without padding, the form of every byte string in this protocol. */
export function encodeBytes(bytes: Uint8Array): string {
  if (HAS_BUFFER) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')
  let binary = ''
  for (let start = 0; start < bytes.length; start += CHUNK) {
    binary += String.fromCharCode(...bytes.subarray(start, start + CHUNK))
  }
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/**
 * Decodes base64url without padding; `null` when the text is not its one canonical form
 * (foreign characters, an impossible length, or unused bits that are not zero).
 */
export function decodeBytes(text: string): Uint8Array<ArrayBuffer> | null {
  if (text.length % 4 === 1 || !/^[A-Za-z0-9_-]*$/.test(text)) return null
  const spare = text.length % 4 === 2 ? 0x0f : text.length % 4 === 3 ? 0x03 : 0
  if (spare !== 0 && (ALPHABET.indexOf(text.charAt(text.length - 1)) & spare) !== 0) return null
  // Copied, because small Buffers share memory with others.
  if (HAS_BUFFER) return new Uint8Array(Buffer.from(text, 'base64url'))
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  const bytes = new Uint8Array(binary.length)
  for (let index = 0; index < binary.length; index += 1) bytes[index] = binary.charCodeAt(index)
  return bytes
}

function base64Length(byteLength: number): number {
  return Math.ceil((byteLength * 4) / 3)
}

// Any Uint8Array, whatever memory it views: z.instanceof would narrow to those over an ArrayBuffer.
const byteArray = z.custom<Uint8Array>((value) => value instanceof Uint8Array)

/** A byte string of `min` … `max` bytes: base64url in JSON, `Uint8Array` in code. */
export function bytesBetween(min: number, max: number) {
  const text = z
    .string()
    .min(base64Length(min))
    .max(base64Length(max))
    .regex(/^[A-Za-z0-9_-]*$/)
  return z.codec(text, byteArray, {
    decode: (value, context) => {
      const bytes = decodeBytes(value)
      if (bytes !== null) return bytes
      context.issues.push({ code: 'custom', message: 'is not canonical base64url', input: value })
      return z.NEVER
    },
    encode: (bytes) => encodeBytes(bytes),
  })
}

/** A byte string of exactly `length` bytes. */
export function bytesOf(length: number) {
  return bytesBetween(length, length)
}

/** An id: 16 random bytes. */
export const id = bytesOf(16)
/** A SHA-256 digest. */
export const digest = bytesOf(32)
/** A size, offset or count that JavaScript holds exactly. */
export const safeInteger = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
/** A vault key's epoch: u32, from 1. */
export const epoch = z.number().int().min(1).max(0xffffffff)
