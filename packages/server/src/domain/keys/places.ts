import { u32, u64 } from '../bytes.ts'
import type { OuterPlace } from './outer-layer.ts'

const SERVER = new Uint8Array(16)

export function envelopePlace(accountId: Uint8Array, method: number, version: number): OuterPlace {
  const rowId = Buffer.concat([accountId, Buffer.of(method), u64(version)])
  return { table: 'envelopes', rowId, owner: accountId }
}

export function keyringPlace(accountId: Uint8Array, version: number): OuterPlace {
  return { table: 'keyrings', rowId: Buffer.concat([accountId, u64(version)]), owner: accountId }
}

export function wrapPlace(owner: Uint8Array, vaultId: Uint8Array, epoch: number, blobId: Uint8Array): OuterPlace {
  return { table: 'wraps', rowId: Buffer.concat([vaultId, u32(epoch), blobId]), owner }
}

export function checkpointPlace(owner: Uint8Array, vaultId: Uint8Array, namedBySeq: number): OuterPlace {
  return { table: 'checkpoints', rowId: Buffer.concat([vaultId, u64(namedBySeq)]), owner }
}

export function loginStatePlace(id: Uint8Array): OuterPlace {
  return { table: 'login-states', rowId: id, owner: SERVER }
}

/** A password that was proved and waits for its second factor. */
export function loginTicketPlace(id: Uint8Array): OuterPlace {
  return { table: 'login-tickets', rowId: id, owner: SERVER }
}

export function sessionHalfPlace(owner: Uint8Array, sessionId: Uint8Array): OuterPlace {
  return { table: 'session-halves', rowId: sessionId, owner }
}

export function totpPlace(owner: Uint8Array, enrolmentId: Uint8Array): OuterPlace {
  return { table: 'totp', rowId: enrolmentId, owner }
}
