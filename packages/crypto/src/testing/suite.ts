import type { CryptoEngine } from '../engine.ts'
import { behaviourCases } from './behaviour.ts'
import { floeCases } from './floe-vectors.ts'
import { ownCases } from './own-vectors.ts'
import { wycheproofCases } from './wycheproof.ts'

/**
 * Reads a vector file as text; null where the file is absent.
 *
 * `official` paths lie under the folder of public test vectors, `own` ones under `spec/vectors/crypto`.
 */
export type VectorLoader = (source: 'official' | 'own', path: string) => Promise<string | null>

/** What an engine and a loader must show: one named fact. */
export interface SuiteCase {
  readonly name: string
  /** Returns 'skipped' where its vectors are absent, throws where the fact does not hold. */
  run(engine: CryptoEngine, load: VectorLoader): Promise<'skipped' | undefined>
}

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
