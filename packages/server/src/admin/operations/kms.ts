import { z } from 'zod'
import { hex } from '../../domain/bytes.ts'
import {
  type RotationProgress,
  type RotationResult,
  resumeKmsRotation,
  rotateKmsKey,
  unfinishedRotation,
} from '../../domain/keys/kms-rotation.ts'
import { countOwnKeys, destroyRetiredKeys, readKmsStatus } from '../../domain/keys/kms-status.ts'
import { rotateOuterKey } from '../../domain/keys/rotate-outer.ts'
import { accountsWithOwnKey, rotateOwnKey } from '../../domain/keys/rotate-own.ts'
import { KeyManagementError } from '../../ports/index.ts'
import { accountName, accountOf } from '../account-name.ts'
import { AdminError } from '../errors.ts'
import { type AdminCall, type AdminDeps, defineOperation } from '../operation.ts'

const OTHER_SERVER_MS = 1_000

const keyId = z.string().min(1, 'a key is its id').max(200, 'it is too long')

/** `kms-status`: keys of the key service, what is wrapped under them, and what is under way. */
export const kmsStatus = defineOperation({
  name: 'kms-status',
  input: z.strictObject({}),
  output: z.object({
    kind: z.string(),
    sharedKeys: z.array(
      z.object({
        id: z.string(),
        use: z.enum(['current', 'retired', 'doomed', 'ended']),
        state: z.enum(['enabled', 'disabled', 'pending_destruction', 'destroyed', 'unknown']),
        outerKeys: z.number(),
        setup: z.boolean(),
        destructionMs: z.number().nullable(),
      }),
    ),
    ownKeys: z.object({
      inUse: z.number(),
      retired: z.number(),
      doomed: z.number(),
      ended: z.number(),
      oldestMs: z.number().nullable(),
    }),
    rotation: z.object({ toKey: z.string().nullable(), startedMs: z.number(), left: z.number() }).nullable(),
    outerRotations: z.number(),
  }),
  async run(deps) {
    const { sharedKeys, ...status } = await readKmsStatus(deps)
    return { ...status, sharedKeys: sharedKeys.map((key) => ({ ...key })) }
  },
})

/** `kms-rotate`: moves all outer keys of the shared scope to another key, or goes on with it. */
export const kmsRotate = defineOperation({
  name: 'kms-rotate',
  input: z.strictObject({
    /** A key that the operator made; without one a key is made now. */
    toKey: keyId.optional(),
  }),
  output: z.object({
    toKey: z.string(),
    moved: z.number(),
    left: z.number(),
    /** Outer keys that could not be moved. */
    failed: z.number(),
    /** Accounts with a key of their own, which stay under it. */
    ownKeys: z.number(),
  }),
  async run(deps, input, call) {
    const before = await unfinishedRotation(deps.database)
    if (before !== null && input.toKey !== undefined && before.toKey !== input.toKey) {
      const line =
        'A rotation to another key is not finished yet; run "strongroom admin kms rotate" without --to first.'
      throw new AdminError('conflict', line)
    }
    const options = { toKey: input.toKey, step: (progress: RotationProgress) => report(call, progress) }
    const result = (await rotateKmsKey(deps, options).catch(explain)) ?? (await follow(deps, call))
    return { ...result, ownKeys: await countOwnKeys(deps.database) }
  },
})

/** @throws AdminError for what the operator can mend at the key service */
function explain(error: unknown): never {
  if (!(error instanceof KeyManagementError)) throw error
  if (error.code === 'key_not_found') {
    throw new AdminError('not_found', 'The key service has no such key.', { cause: error })
  }
  if (error.code === 'key_unusable') {
    const line =
      'A key that this needs is disabled or to be destroyed; enable it at the key service, then run it again.'
    throw new AdminError('conflict', line, { cause: error })
  }
  throw error
}

async function report(call: AdminCall, progress: RotationProgress): Promise<void> {
  call.signal.throwIfAborted()
  await call.progress({ ...progress })
}

/** Watches another server that is at it, and goes on where that one stops. */
async function follow(deps: AdminDeps, call: AdminCall): Promise<RotationResult> {
  let toKey = ''
  for (;;) {
    const rotation = await unfinishedRotation(deps.database)
    if (rotation === null) return { toKey, moved: 0, left: 0, failed: 0 }
    toKey = rotation.toKey ?? ''
    const left = (await readKmsStatus(deps)).rotation?.left ?? 0
    await report(call, { toKey, moved: 0, left })
    const result = await resumeKmsRotation(deps, { step: (progress) => report(call, progress) })
    if (result !== null) return result
    await new Promise((resolve) => setTimeout(resolve, OTHER_SERVER_MS))
  }
}

/** An own key that is younger is left by a rotation of all, so that an interrupted one goes on where it stopped. */
const YOUNG_MS = 24 * 60 * 60 * 1000

/** `kms-rotate-own`: gives accounts that have keys of their own new ones: one account, or all. */
export const kmsRotateOwn = defineOperation({
  name: 'kms-rotate-own',
  input: z.strictObject({ account: accountName.optional() }),
  output: z.object({
    rotated: z.number(),
    /** Accounts whose keys could not be rotated: damaged, or under a key that cannot be used. */
    failed: z.array(z.string()),
    /** Of the account that was named. */
    toKey: z.string().nullable(),
  }),
  async run(deps, input, call) {
    if (input.account !== undefined) {
      const toKey = await rotateOwnKey(deps, await accountOf(deps, input.account)).catch(explain)
      if (toKey !== null) return { rotated: 1, failed: [], toKey }
      throw new AdminError('conflict', 'The account has no key of its own; "strongroom admin kms rotate" moves it.')
    }
    const failed: string[] = []
    let [rotated, after] = [0, null as Uint8Array | null]
    const beforeMs = deps.clock.nowMs() - YOUNG_MS
    for (;;) {
      const accounts = await accountsWithOwnKey(deps.database, { beforeMs, after })
      for (const accountId of accounts) {
        call.signal.throwIfAborted()
        try {
          if ((await rotateOwnKey(deps, accountId)) !== null) rotated += 1
        } catch (error) {
          // One that does not open must not keep the others under their old keys.
          if (!(error instanceof KeyManagementError) || error.code === 'unavailable') throw error
          failed.push(hex(accountId))
        }
        await call.progress({ rotated, failed: failed.length })
      }
      after = accounts.at(-1) ?? null
      if (after === null) return { rotated, failed, toKey: null }
    }
  },
})

/** `kms-destroy-retired`: has the key service destroy keys under which nothing is left. */
export const kmsDestroyRetired = defineOperation({
  name: 'kms-destroy-retired',
  input: z.strictObject({ days: z.int().min(7).max(30) }),
  output: z.object({ destroyed: z.array(z.object({ keyId: z.string(), destructionMs: z.number() })) }),
  async run(deps, input) {
    return { destroyed: (await destroyRetiredKeys(deps, input.days)).map((key) => ({ ...key })) }
  },
})

/** `kms-rotate-outer`: gives an account a new outer key and seals its rows again, or goes on with it. */
export const kmsRotateOuter = defineOperation({
  name: 'kms-rotate-outer',
  input: z.strictObject({ account: accountName }),
  output: z.object({ account: z.string(), version: z.number(), rows: z.number() }),
  async run(deps, input, call) {
    const accountId = await accountOf(deps, input.account)
    let rows = 0
    const rotation = await rotateOuterKey(deps, accountId, async (more) => {
      call.signal.throwIfAborted()
      rows += more
      await call.progress({ rows })
    })
    return { account: hex(accountId), ...rotation }
  },
})
