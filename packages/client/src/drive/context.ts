import { asNodeId, asVersionId, type DeviceId, type NodeId, type VersionId } from '@strongroom/crypto'
import { type ContentRecord, referenceCount } from '@strongroom/vault'
import type { FetchContext, FetchOptions } from '../download/fetch-parts.ts'
import { type OpenBlob, type OpenContext, openBlobs, urlRenewal } from '../download/open.ts'
import { ClientError, integrityError } from '../errors.ts'
import type { Transfers } from '../journal/transfers.ts'
import type { Platform } from '../ports.ts'
import { jitter } from '../session/connect.ts'
import { type Api, apiCode } from '../transport/api.ts'
import { adaptiveFlight, steadyFlight } from '../transport/flight.ts'
import { rateLimiter } from '../transport/rate.ts'
import type { StoreAccess } from '../transport/store.ts'
import type { UploadContext, UploadOptions } from '../upload/types.ts'
import type { VaultLog } from '../vault-log/types.ts'
import type { WriteContext } from './plan-writes.ts'
import type { TransferOptions } from './types.ts'

/** What the verbs of a drive work with. */
export interface DriveContext {
  readonly platform: Platform
  readonly api: Api
  readonly access: StoreAccess
  readonly log: VaultLog
  readonly transfers: Transfers
  readonly deviceId: DeviceId
  readonly deviceName: string
  /** Told of every content that was delivered whole, or as far as it was asked for. */
  readonly opened: (record: ContentRecord) => void
}

const DEFAULT_JOBS = 4
/** Parts that may be in memory where nobody says how many: with a fifth, 8 GiB took 192 MiB. */
const MOST_PLACES = 4
const MOST_JOBS = 32

/** What is done at once in a call. @throws ClientError `usage` */
function jobsOf(options: TransferOptions | undefined): number {
  const jobs = options?.jobs ?? DEFAULT_JOBS
  if (Number.isInteger(jobs) && jobs >= 1 && jobs <= MOST_JOBS) return jobs
  throw new ClientError('usage', `The number of jobs is 1 to ${MOST_JOBS}.`)
}

/** Upload and download settings of a call, for all of its contents together. */
export function transferOf(context: DriveContext, options: TransferOptions | undefined): FetchOptions {
  const { clock, mostParts = MOST_PLACES } = context.platform
  const jobs = jobsOf(options)
  const flight = options?.jobs === undefined ? adaptiveFlight(mostParts, clock) : steadyFlight(jobs)
  return { jobs, flight, limiter: rateLimiter(options?.limitRate, clock), signal: options?.signal }
}

export function uploadContext({ platform, api, access }: DriveContext): UploadContext {
  return { platform, api, access, content: platform.content }
}

export function uploadOptions(transfer: FetchOptions, onBytes: (bytes: number) => void): UploadOptions {
  const { jobs, flight = steadyFlight(jobs), limiter, signal } = transfer
  return { flight, limiter, signal, onBytes }
}

export function openContext({ platform, api, log }: DriveContext): OpenContext {
  return { engine: platform.engine, clock: platform.clock, api, vaultId: log.state.vaultId, unwrap: log.unwrap }
}

/**
 * Opens blobs that the log names, up to 1,000.
 *
 * @throws ClientError `integrity` when the server says that it has not what its newest commits still name; `not_found`
 *   when another device has destroyed some of them meanwhile
 */
export async function openNamed(
  context: DriveContext,
  records: readonly ContentRecord[],
  signal: AbortSignal | undefined,
): Promise<OpenBlob[]> {
  try {
    return await openBlobs(openContext(context), records, signal)
  } catch (error) {
    if (apiCode(error) !== 'not_found') throw error
    await context.log.sync(signal)
    const { state } = context.log
    const isNamed = records.every(({ blobId }) => referenceCount(state, blobId) > 0)
    if (isNamed) throw integrityError('a stored file, which the server says it does not have', error)
    throw error
  }
}

export function fetchContext(context: DriveContext): FetchContext {
  const { access, platform } = context
  return {
    access,
    clock: platform.clock,
    random: jitter(platform.engine),
    content: platform.content,
    async renew(blob, signal) {
      const [fresh] = await openNamed(context, [blob.record], signal)
      if (fresh === undefined) throw new Error('each record has its blob')
      fresh.dek.dispose()
      blob.url = fresh.url
      blob.renewAtMs = urlRenewal(platform.clock)
    },
  }
}

/** Random ids. */
export function newNodeId({ platform }: DriveContext): NodeId {
  return asNodeId(platform.engine.randomBytes(16))
}

export function newVersionId({ platform }: DriveContext): VersionId {
  return asVersionId(platform.engine.randomBytes(16))
}

export function writeContext(context: DriveContext): WriteContext {
  return {
    newNodeId: () => newNodeId(context),
    deviceName: context.deviceName,
    nowMs: context.platform.clock.nowMs(),
  }
}
