import type { Platform } from '@strongroom/client'
import { nodePlatform } from '@strongroom/client/node'
import { asAccountId, asDeviceId } from '@strongroom/crypto'
import type { CheckpointManifest } from '@strongroom/vault'
import { contentReader } from '../../packages/client/src/checkpoint/contents.ts'
import { type CheckpointKeeping, writeCheckpoint } from '../../packages/client/src/checkpoint/keeper.ts'
import { apiFor, jitter } from '../../packages/client/src/session/connect.ts'
import { keyringSource } from '../../packages/client/src/session/keyring-source.ts'
import { openSignedIn } from '../../packages/client/src/session/profile-keys.ts'
import { createStoreAccess } from '../../packages/client/src/transport/store.ts'
import { vaultCache } from '../../packages/client/src/vault-log/cache.ts'
import { openLog } from '../../packages/client/src/vault-log/log.ts'
import { pendingStore } from '../../packages/client/src/vault-log/pending.ts'
import type { VaultLog } from '../../packages/client/src/vault-log/types.ts'

/** The log of the account that is signed in on a device, as a session opens it, without the session. */
export interface DeviceLog extends AsyncDisposable {
  readonly log: VaultLog
  readonly keeping: CheckpointKeeping
}

/** Opens a device's log and reads it up to the head. */
export async function openDeviceLog(platform: Platform): Promise<DeviceLog> {
  const { engine, store, clock, transport, content } = platform
  const signedIn = await openSignedIn(platform)
  if (signedIn === null) throw new Error('nobody is signed in')
  const { profile, accountKey, keyring } = signedIn
  const accountId = asAccountId(profile.accountId)
  const deviceId = asDeviceId(profile.deviceId)
  const { vaultId } = keyring
  const { server, storeOrigins, deviceName } = profile
  const api = apiFor(platform, server, profile)
  const access = createStoreAccess({ server, origins: storeOrigins, transport, clock })
  const local = { engine, store, accountKey, accountId, deviceId }
  const first = { keyring, sealed: profile.sealedKeyring }
  const source = keyringSource({ engine, api, store, accountKey, accountId, first })
  const log = await openLog({
    engine,
    clock,
    api,
    store,
    cache: vaultCache({ ...local, vaultId }),
    pending: pendingStore(local),
    kept: async () => undefined,
    readContents: contentReader({ engine, clock, random: jitter(engine), api, access, content, vaultId }),
    author: { accountId, deviceId, seed: keyring.identitySeeds.ed25519 },
    deviceName,
    source,
  })
  await log.sync(undefined)
  return {
    log,
    keeping: { upload: { platform, api, access, content }, accountId },
    async [Symbol.asyncDispose]() {
      await log.flush()
      await log.close()
    },
  }
}

/**
 * Writes a checkpoint with the keys of a signed-in device, due or not. `tamper` changes the manifest before it is
 * sealed and named, which only a broken or hostile program of the account itself can do.
 */
export async function checkpointNow(
  home: string,
  tamper: (manifest: CheckpointManifest) => CheckpointManifest = (manifest) => manifest,
): Promise<void> {
  const platform = nodePlatform({ home })
  try {
    await using device = await openDeviceLog(platform)
    const { log, keeping } = device
    const tampering: VaultLog = Object.create(log, {
      nameCheckpoint: {
        value: async (...[draft, signal]: Parameters<VaultLog['nameCheckpoint']>) => {
          const named = await log.nameCheckpoint({ ...draft, manifest: tamper(draft.manifest) }, signal)
          if (!named) throw new Error('the checkpoint was not named')
          return named
        },
      },
    })
    await writeCheckpoint(tampering, keeping, undefined)
  } finally {
    await platform.content.close()
  }
}
