// What a run of the test runner has left, and how a second run of some files changes it.

/**
 * Files to begin anew: those that failed, and those outside of whose tests something went wrong.
 *
 * @param report - of Vitest's JSON reporter
 * @param loose - files of errors outside of tests; null where one of them belongs to no file
 * @returns null where nothing may be begun anew
 */
export function filesToBeginAnew(report, loose) {
  const files = new Set(report.testResults.filter((file) => file.status === 'failed').map((file) => file.name))
  for (const file of loose) {
    if (file === null) return null
    files.add(file)
  }
  // Reason: where this many fail, it is not chance.
  return files.size === 0 || files.size > 12 ? null : [...files].sort()
}

/** The report of a run, with what a second run of `files` says of them instead. */
export function withSecondRun(report, files, second) {
  const kept = report.testResults.filter((file) => !files.includes(file.name))
  return { ...report, testResults: [...kept, ...second.testResults] }
}

/** Names of the tests that failed in a report, and of the files that could not be run. */
export function failures(report) {
  return report.testResults
    .filter((file) => file.status === 'failed')
    .flatMap((file) => {
      const failed = file.assertionResults.filter((test) => test.status === 'failed')
      return failed.length > 0 ? failed.map((test) => `${file.name}: ${test.fullName}`) : [file.name]
    })
}

/** How many tests passed and failed, a file that could not be run being one that failed, and which were left out. */
export function summaryOf(report) {
  const tests = report.testResults.flatMap((file) => file.assertionResults)
  const skipped = tests.filter((test) => ['skipped', 'pending', 'todo', 'disabled'].includes(test.status))
  return {
    passed: tests.filter((test) => test.status === 'passed').length,
    failed: failures(report).length,
    skipped: skipped.map((test) => test.fullName),
  }
}
