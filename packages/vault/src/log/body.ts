import type { CryptoEngine, SecretBytes } from '@strongroom/crypto'
import { CryptoError, open, padObject, seal, sealContext, unpadObject } from '@strongroom/crypto'
import { sealedLength, u32, u64 } from '@strongroom/crypto/envelope'
import { VaultError } from '../header/errors.ts'
import { MAX_BODY_LENGTH } from '../header/limits.ts'
import { decodeBody, encodeBody } from './body-codec.ts'
import type { Operation } from './operations.ts'

/** What wrong bytes give; anything else, such as a key already wiped, is this side's fault. */
const AUTHORS_FAULT: ReadonlySet<string> = new Set(['decrypt_failed', 'malformed', 'body_invalid', 'limits_exceeded'])

/** Where a body lies: what its seal is bound to. */
export interface BodyPlace {
  vaultId: Uint8Array
  epoch: number
  seq: number
}

/**
 * Encodes, pads and seals operations.
 *
 * @throws VaultError `operation_invalid`, or `limits_exceeded` when they must be split into several commits
 */
export async function sealBody(
  engine: CryptoEngine,
  logKey: SecretBytes,
  place: BodyPlace,
  operations: readonly Operation[],
): Promise<Uint8Array> {
  const padded = padObject(encodeBody(operations))
  if (sealedLength(padded.length) > MAX_BODY_LENGTH) throw new VaultError('limits_exceeded', 'body')
  return seal(engine, logKey, bodyContext(place), padded)
}

/**
 * Opens a commit's body; `header` is that of a verified commit.
 *
 * @throws CryptoError `decrypt_failed`, `malformed`; VaultError `body_invalid`, `limits_exceeded`, `upgrade_required`
 */
export async function openBody(
  engine: CryptoEngine,
  logKey: SecretBytes,
  header: BodyPlace,
  sealedBody: Uint8Array,
): Promise<Operation[]> {
  return decodeBody(unpadObject(await open(engine, logKey, bodyContext(header), sealedBody)))
}

/**
 * Opens the body of a verified commit for `applyCommit`; null when its author sealed or encoded it wrongly, which makes
 * the commit not apply. Reason: the signature covers the sealed bytes, so that nobody but the author can be at fault,
 * and one writer's broken client must not stop everyone else.
 *
 * @throws VaultError or CryptoError `upgrade_required`: stop, never skip
 */
export async function readBody(
  engine: CryptoEngine,
  logKey: SecretBytes,
  header: BodyPlace,
  sealedBody: Uint8Array,
): Promise<Operation[] | null> {
  try {
    return await openBody(engine, logKey, header, sealedBody)
  } catch (error) {
    if ((error instanceof VaultError || error instanceof CryptoError) && AUTHORS_FAULT.has(error.code)) return null
    throw error
  }
}

function bodyContext({ vaultId, epoch, seq }: BodyPlace): ReturnType<typeof sealContext> {
  return sealContext('body', vaultId, u32(epoch), u64(seq))
}
