import type { CryptoEngine } from '../engine.ts'
import { behaviourCases } from './behaviour.ts'
import { floeCases } from './floe-vectors.ts'
import { ownCases } from './own-vectors.ts'
import type { SuiteCase, VectorLoader } from './suite-case.ts'
import { wycheproofCases } from './wycheproof.ts'

/** The outcome of one case. */
export interface SuiteResult {
  readonly name: string
  readonly ok: boolean
  readonly skipped: boolean
  readonly error?: string
}

/** Every case of the suite; the same on every runtime. */
export const SUITE_CASES: readonly SuiteCase[] = [...floeCases, ...wycheproofCases, ...ownCases, ...behaviourCases]

/** Runs the whole suite on one engine; never throws. */
export async function runCryptoSuite(engine: CryptoEngine, load: VectorLoader): Promise<SuiteResult[]> {
  const results: SuiteResult[] = []
  for (const { name, run } of SUITE_CASES) {
    try {
      results.push({ name, ok: true, skipped: (await run(engine, load)) === 'skipped' })
    } catch (error) {
      results.push({ name, ok: false, skipped: false, error: error instanceof Error ? error.message : String(error) })
    }
  }
  return results
}
