import type { Database } from '../../database/tables.ts'
import type { BlobStore, Clock } from '../../ports/index.ts'
import type { Retention } from '../blobs/retention.ts'
import type { OuterKeys } from '../keys/outer-keys.ts'
import type { ServerSetup } from '../keys/server-setup.ts'
import { examineAccounts, examineAudits } from './accounts.ts'
import { examineBlobs } from './blobs.ts'
import type { Findings, Problem } from './problem.ts'
import { examineSealed } from './sealed.ts'
import { examineStore, type StoreCount } from './store.ts'
import { examineVaults } from './vaults.ts'

/** The parts of an examination, in their order. */
export const VERIFY_PARTS = ['accounts', 'audits', 'vaults', 'sealed', 'blobs', 'store'] as const
export type VerifyPart = (typeof VERIFY_PARTS)[number]

export interface VerifyDeps {
  readonly database: Database
  readonly store: BlobStore
  readonly clock: Clock
  readonly retention: Retention
  readonly setup: ServerSetup
  readonly outerKeys: OuterKeys
}

export interface VerifyOptions {
  /** Read every part of every object. */
  readonly deep: boolean
  /** Open what is sealed under outer keys, which asks the key service once for each account. */
  readonly keys: boolean
  /** Where an earlier examination stopped. */
  readonly from: { readonly part: VerifyPart; readonly after: Uint8Array } | null
  readonly signal: AbortSignal
  readonly report: (problem: Problem) => Promise<void>
  /** `last`: the id after which `part` can go on; empty where it begins anew. */
  readonly step: (place: { part: VerifyPart; last: string; examined: number }) => Promise<void>
}

export interface Verification {
  /** How much of each part was examined by this run. */
  readonly examined: Readonly<Record<VerifyPart, number>>
  readonly problems: number
  /** Accounts whose keys are disabled on purpose; null where keys were not asked for. */
  readonly frozen: number | null
  readonly store: StoreCount | null
}

/**
 * Holds database, blob store and commits against each other, without any user's key. Changes nothing, and may run
 * beside servers: each look is of one moment, and what seems wrong is looked at again before it is reported.
 */
export async function verifyService(deps: VerifyDeps, options: VerifyOptions): Promise<Verification> {
  const examined: Record<VerifyPart, number> = { accounts: 0, audits: 0, vaults: 0, sealed: 0, blobs: 0, store: 0 }
  let problems = 0
  let frozen: number | null = null
  let store: StoreCount | null = null
  const first = options.from === null ? 0 : VERIFY_PARTS.indexOf(options.from.part)
  for (const part of VERIFY_PARTS.slice(first)) {
    const after = options.from?.part === part ? options.from.after : new Uint8Array(0)
    const findings: Findings = {
      signal: options.signal,
      report: async (problem) => {
        problems += 1
        await options.report(problem)
      },
      step: async (last, more) => {
        examined[part] += more
        await options.step({ part, last, examined: examined[part] })
      },
    }
    if (part === 'accounts') await examineAccounts(deps, after, findings)
    if (part === 'audits') await examineAudits(deps, findings)
    if (part === 'vaults') await examineVaults(deps, after, findings)
    if (part === 'sealed' && options.keys) frozen = (await examineSealed(deps, after, findings)).frozen
    if (part === 'blobs') await examineBlobs(deps, { after, deep: options.deep }, findings)
    if (part === 'store') store = await examineStore(deps, findings)
  }
  return { examined, problems, frozen, store }
}
