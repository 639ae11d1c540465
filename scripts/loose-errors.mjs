// A reporter of Vitest that writes down which files had errors outside of their tests: LOOSE_ERRORS names where to.
import { writeFileSync } from 'node:fs'

/** Used by scripts/test.mjs. */
export default class LooseErrors {
  onTestRunEnd(_modules, errors) {
    const files = errors.map((error) => error.VITEST_TEST_PATH ?? null)
    writeFileSync(process.env.LOOSE_ERRORS, JSON.stringify(files))
  }
}
