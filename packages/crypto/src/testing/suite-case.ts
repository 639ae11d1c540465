import type { CryptoEngine } from '../engine.ts'

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
