import { equalBytes, hashMessage } from '@strongroom/crypto/envelope'
import { VaultError } from '../header/errors.ts'
import type { Hasher } from '../header/hashes.ts'
import { decodeState, stateHash } from '../state/columns.ts'
import type { VaultState } from '../state/state.ts'
import { applyDelta } from './delta.ts'
import type { CheckpointManifest } from './manifest.ts'

/** Plaintext of a checkpoint's blobs. */
export interface CheckpointContents {
  readonly base: Uint8Array
  /** Oldest first. */
  readonly deltas: readonly Uint8Array[]
}

/**
 * The state that base and deltas add up to, checked whole: every column, the place of each delta, vault, seq and
 * stateHash of the manifest.
 *
 * @throws VaultError `checkpoint_invalid`, `upgrade_required`
 */
export async function openCheckpointState(
  hasher: Hasher,
  vaultId: Uint8Array,
  manifest: Pick<CheckpointManifest, 'seq' | 'stateHash'>,
  { base, deltas }: CheckpointContents,
): Promise<VaultState> {
  const state = await decodeBase(hasher, base)
  for (const bytes of deltas) applyDelta(state, bytes)
  if (!equalBytes(state.vaultId, vaultId) || state.seq !== manifest.seq) {
    throw new VaultError('checkpoint_invalid', 'place')
  }
  // Decoding admits the canonical form alone, so that a base by itself is what would be encoded again.
  const hash = deltas.length === 0 ? await hasher.sha256(hashMessage('state', base)) : await stateHash(hasher, state)
  if (!equalBytes(hash, manifest.stateHash)) throw new VaultError('checkpoint_invalid', 'state hash')
  return state
}

async function decodeBase(hasher: Hasher, bytes: Uint8Array): Promise<VaultState> {
  try {
    return await decodeState(hasher, bytes)
  } catch (cause) {
    if (!(cause instanceof VaultError) || cause.code === 'upgrade_required') throw cause
    throw new VaultError('checkpoint_invalid', cause.reason ?? 'base', { cause })
  }
}
