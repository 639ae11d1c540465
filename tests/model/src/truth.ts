import { asAccountId, asDeviceId, toHex, vaultKeys } from '@strongroom/crypto'
import { nodeEngine } from '@strongroom/crypto/node'
import {
  applyCommit,
  type ChainState,
  emptyState,
  readBody,
  stateHash,
  type VaultState,
  verifyCommit,
} from '@strongroom/vault'
import { loadPins } from '../../../packages/client/src/session/pins.ts'
import { openSignedIn, type SignedIn } from '../../../packages/client/src/session/profile-keys.ts'
import { vaultCache } from '../../../packages/client/src/vault-log/cache.ts'
import type { TestServer } from '../../../packages/server/src/testing/test-server.ts'
import type { Device } from './device.ts'

const engine = nodeEngine()

/** What the server's log adds up to, read by a client that trusts nothing and keeps nothing. */
export interface Truth {
  readonly state: VaultState
  /** Reasons of commits that were left out. */
  readonly skipped: readonly string[]
}

/** What a device's stored profile opens, by an honest server's help. */
async function keysOf(device: Device): Promise<SignedIn> {
  const { trouble } = device
  device.trouble = null
  try {
    const signedIn = await openSignedIn(device.platform)
    if (signedIn === null) throw new Error('a device keeps its profile')
    return signedIn
  } finally {
    device.trouble = trouble
  }
}

/** The commits that the database holds of a device's vault, from genesis on. */
export async function readCommits(server: TestServer, device: Device): Promise<Uint8Array[]> {
  const { keyring } = await keysOf(device)
  const rows = await server.database
    .selectFrom('commits')
    .select('bytes')
    .where('vault_id', '=', keyring.vaultId)
    .orderBy('seq')
    .execute()
  return rows.map((row) => row.bytes)
}

/** Replays all that the database holds of a device's vault. */
export async function readTruth(server: TestServer, device: Device): Promise<Truth> {
  const { keyring } = await keysOf(device)
  const { vaultId, vaultEpoch: epoch } = keyring
  const { logKey } = await vaultKeys(engine, keyring.vaultKey, { vaultId, epoch })
  const state = await emptyState(engine, vaultId)
  const skipped: string[] = []
  let chain: ChainState | null = null
  for (const bytes of await readCommits(server, device)) {
    const verified = await verifyCommit({ hasher: engine, verifier: engine, state: chain, bytes })
    chain = verified.next
    const operations = await readBody(engine, logKey, verified.header, verified.sealedBody)
    const result = applyCommit(state, { ...verified, operations })
    if (!result.applied) skipped.push(result.reason)
  }
  return { state, skipped }
}

/** Hash of the state that a device has stored for its next start; null when it has none that fits. */
export async function storedHash(device: Device): Promise<string | null> {
  const { keyring, accountKey, profile } = await keysOf(device)
  const { store } = device
  const accountId = asAccountId(profile.accountId)
  const deviceId = asDeviceId(profile.deviceId)
  const cache = vaultCache({
    engine,
    store: store.afterCrash(),
    accountKey,
    accountId,
    deviceId,
    vaultId: keyring.vaultId,
  })
  const pins = await loadPins(store)
  const cached = await cache.load(pins.heads[toHex(keyring.vaultId)])
  return cached === null ? null : toHex(await stateHash(engine, cached.state))
}

export async function hashOf(state: VaultState): Promise<string> {
  return toHex(await stateHash(engine, state))
}

/** The server's counts of references for a vault, by blob id in hex. */
export async function serverReferences(server: TestServer, state: VaultState): Promise<Map<string, number>> {
  const rows = await server.database
    .selectFrom('blob_references')
    .select(['blob_id', 'count'])
    .where('vault_id', '=', state.vaultId)
    .execute()
  return new Map(rows.map((row) => [toHex(row.blob_id), Number(row.count)]))
}
