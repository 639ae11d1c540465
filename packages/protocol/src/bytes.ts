import { decodeBytes, encodeBytes } from './base64url.ts'
import * as z from './zod.ts'

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
