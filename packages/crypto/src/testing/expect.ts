import type { Bytes } from '../encoding.ts'
import { equalBytes, toHex } from '../encoding.ts'
import type { CryptoErrorCode } from '../errors.ts'
import { CryptoError } from '../errors.ts'

/** Throws unless both byte strings are the same. */
export function expectBytes(actual: Bytes, expected: Bytes, about: string): void {
  if (equalBytes(actual, expected)) return
  throw new Error(`${about}: got ${toHex(actual.subarray(0, 40))}, expected ${toHex(expected.subarray(0, 40))}`)
}

/** Throws unless the fact holds. */
export function expectThat(fact: boolean, about: string): void {
  if (!fact) throw new Error(about)
}

/** The code of the CryptoError that `action` ends with; 'success' where it does not throw. */
export async function outcome(action: () => unknown): Promise<CryptoErrorCode | 'success'> {
  try {
    await action()
    return 'success'
  } catch (error) {
    if (error instanceof CryptoError) return error.code
    throw error
  }
}

/** Throws unless `action` is refused with one of the codes. */
export async function expectRefusal(
  action: () => unknown,
  about: string,
  codes: readonly CryptoErrorCode[] = ['decrypt_failed'],
): Promise<void> {
  const code = await outcome(action)
  if (code === 'success' || !codes.includes(code)) throw new Error(`${about}: ${code}`)
}
