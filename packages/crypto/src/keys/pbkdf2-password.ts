import type { Bytes } from '../encoding.ts'
import { toHex, utf8 } from '../encoding.ts'
import type { CryptoEngine } from '../engine.ts'
import { hashMessage } from '../messages.ts'

const ITERATIONS = 600_000
const LENGTH = 32

/**
 * The OPAQUE password of the profile `pbkdf2-600k`: 64 hexadecimal digits.
 *
 * @param input - password and login in their normal forms; the OPAQUE public key as the server proves it
 * @see spec/keys.md §9
 */
export async function pbkdf2Password(
  engine: CryptoEngine,
  input: { readonly password: string; readonly opaquePublicKey: Bytes; readonly login: string },
): Promise<string> {
  const serverHash = await engine.sha256(input.opaquePublicKey)
  const salt = await engine.sha256(hashMessage('pbkdf2', serverHash, utf8(input.login)))
  const password = utf8(input.password)
  const stretched = await engine.pbkdf2Sha256(password, salt, ITERATIONS, LENGTH)
  password.fill(0)
  try {
    return toHex(stretched)
  } finally {
    stretched.fill(0)
  }
}
