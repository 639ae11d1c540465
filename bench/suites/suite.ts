import type { Row } from '../measure.ts'

export interface SuiteOptions {
  /** Larger sizes and more runs. */
  readonly full: boolean
  /** Smaller sizes and fewer runs: whether it works, not how fast it is. */
  readonly quick: boolean
  /** Only tasks whose names match, of suites that have tasks. */
  readonly only?: RegExp | undefined
  /** Folder for flame graphs, of suites that make them. */
  readonly flames?: string | undefined
}

export interface Suite {
  readonly title: string
  /** Names of its tasks, where some of them can be left out. */
  readonly tasks?: readonly string[]
  run(options: SuiteOptions): Promise<Row[]>
}

export const MIB = 1024 * 1024
