import { compareBytes } from '@strongroom/crypto/envelope'
import type { CborValue } from './cbor.ts'
import { decodeCbor, encodeCbor, shapes } from './cbor.ts'
import { VaultError } from './errors.ts'
import { MAX_MEMBERS, SUITE_ED25519 } from './limits.ts'
import type { Member } from './members.ts'
import { ROLES, STATES } from './members.ts'
import type { ChainState } from './verify-commit.ts'

const VERSION = 1

/** Encodes a chain state for storing: what a server keeps per vault, or a client in its sealed cache. */
export function encodeChainState(state: ChainState): Uint8Array {
  return encodeCbor([
    VERSION,
    state.vaultId,
    state.head === null ? null : [state.head.seq, state.head.hash],
    state.epoch,
    state.members.map((member) => [
      member.accountId,
      ROLES.indexOf(member.role),
      member.cardHash,
      member.suite,
      member.publicKey,
      STATES.indexOf(member.state),
    ]),
  ])
}

/**
 * Decodes a stored chain state.
 *
 * @throws VaultError `state_invalid` or `upgrade_required`
 */
export function decodeChainState(bytes: Uint8Array): ChainState {
  const shape = shapes('state_invalid')
  const value = decodeCbor(bytes, 'state_invalid')
  if (!Array.isArray(value)) throw new VaultError('state_invalid', 'shape')
  if (shape.uint(value[0]) !== VERSION) throw new VaultError('upgrade_required', 'chain state version')
  const [, vaultId, head, epoch, rows] = shape.tuple(value, 5)
  const members = shape.list(rows, MAX_MEMBERS).map((row): Member => {
    const [accountId, role, cardHash, suite, publicKey, state] = shape.tuple(row, 6)
    if (shape.uint(suite) !== SUITE_ED25519) throw new VaultError('upgrade_required', 'suite')
    return {
      accountId: shape.bytes(accountId, 16),
      role: ROLES[shape.uint(role, ROLES.length - 1)] ?? 'reader',
      cardHash: shape.bytes(cardHash, 32),
      suite: SUITE_ED25519,
      publicKey: shape.bytes(publicKey, 32),
      state: STATES[shape.uint(state, STATES.length - 2)] ?? 'invited',
    }
  })
  members.forEach((member, index) => {
    const before = members[index - 1]
    if (before !== undefined && compareBytes(before.accountId, member.accountId) >= 0) {
      throw new VaultError('state_invalid', 'order')
    }
  })
  return {
    vaultId: shape.bytes(vaultId, 16),
    head: head === null ? null : decodeHead(head),
    epoch: shape.uint(epoch, 0xffffffff),
    members,
  }
}

function decodeHead(value: CborValue | undefined): { seq: number; hash: Uint8Array } {
  const shape = shapes('state_invalid')
  const [seq, hash] = shape.tuple(value, 2)
  return { seq: shape.uint(seq), hash: shape.bytes(hash, 32) }
}
