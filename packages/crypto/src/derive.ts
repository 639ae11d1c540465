import type { Bytes } from './encoding.ts'
import { concat, utf8 } from './encoding.ts'
import type { CryptoEngine } from './engine.ts'
import { CryptoError } from './errors.ts'
import { hkdfExpand, hkdfExtract } from './hkdf.ts'
import type { AccountId } from './ids.ts'
import type { DeriveLabel, ExtractLabel } from './labels.ts'
import { LABELS, labelPrefix } from './labels.ts'
import { SecretBytes } from './secret-bytes.ts'
import { KEY_LENGTH } from './sizes.ts'

const NO_IDS: Bytes = new Uint8Array(0)

/**
 * Derives a 32-byte secret from a uniform key: HKDF-Expand-SHA512 over label and ids.
 *
 * @param ids - the label's ids joined, with exactly the lengths of its row in LABELS
 * @throws CryptoError `malformed` when the ids do not fit the label, `invalid_key` for keys under 32 bytes
 */
export async function derive(
  engine: CryptoEngine,
  key: SecretBytes,
  label: DeriveLabel,
  ids: Bytes = NO_IDS,
): Promise<SecretBytes> {
  if (ids.length !== total(LABELS.derive[label])) throw new CryptoError('malformed')
  if (key.length < KEY_LENGTH) throw new CryptoError('invalid_key')
  const info = concat(labelPrefix(`derive/${label}`), ids)
  return SecretBytes.take(await key.use((bytes) => hkdfExpand(engine, 'SHA-512', bytes, info, KEY_LENGTH)))
}

/**
 * Turns an input that is secret but not a uniform key into one of 64 bytes: HKDF-Extract-SHA512.
 *
 * @param accountId - null exactly for the branches of the recovery key, whose account is not known yet
 * @throws CryptoError `malformed` when the account id does not fit the label
 */
export async function extract(
  engine: CryptoEngine,
  input: SecretBytes,
  label: ExtractLabel,
  accountId: AccountId | null,
): Promise<SecretBytes> {
  const ids = accountId ?? NO_IDS
  if (ids.length !== total(LABELS.extract[label])) throw new CryptoError('malformed')
  const salt = concat(utf8(`strongroom/${label}`), ids)
  return SecretBytes.take(await input.use((bytes) => hkdfExtract(engine, 'SHA-512', salt, bytes)))
}

function total(lengths: readonly number[]): number {
  return lengths.reduce((sum, length) => sum + length, 0)
}
