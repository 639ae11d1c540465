import { describe, expect, it } from 'vitest'
import { failures, filesToBeginAnew, summaryOf, withSecondRun } from '../../scripts/test-report.mjs'

const test = (fullName: string, status: string) => ({ fullName, status })
const file = (name: string, ...tests: { fullName: string; status: string }[]) => ({
  name,
  status: tests.length === 0 || tests.some(({ status }) => status === 'failed') ? 'failed' : 'passed',
  assertionResults: tests,
})
const good = file('/good', test('one', 'passed'), test('two', 'skipped'))
const bad = file('/bad', test('three', 'failed'), test('four', 'passed'))
const broken = file('/broken')

describe('a run of the suites', () => {
  it('begins anew what failed, what could not be run, and what went wrong outside of its tests', () => {
    expect(filesToBeginAnew({ testResults: [good, bad, broken] }, [])).toEqual(['/bad', '/broken'])
    expect(filesToBeginAnew({ testResults: [good] }, ['/good'])).toEqual(['/good'])
    expect(filesToBeginAnew({ testResults: [good] }, [])).toBeNull()
  })

  it('begins nothing anew where something went wrong that belongs to no file, or where much failed', () => {
    expect(filesToBeginAnew({ testResults: [bad] }, [null])).toBeNull()
    const many = Array.from({ length: 13 }, (_, index) => file(`/${index}`, test('each', 'failed')))
    expect(filesToBeginAnew({ testResults: many }, [])).toBeNull()
  })

  it('counts what the second run says of a file, in every suite that it is part of', () => {
    const first = { testResults: [good, bad, file('/bad', test('three', 'passed'))] }
    expect(summaryOf(first)).toEqual({ passed: 3, failed: 1, skipped: ['two'] })
    const mended = { testResults: [file('/bad', test('three', 'passed')), file('/bad', test('three', 'passed'))] }
    expect(summaryOf(withSecondRun(first, ['/bad'], mended))).toEqual({ passed: 3, failed: 0, skipped: ['two'] })
    const same = withSecondRun(first, ['/bad'], { testResults: [bad] })
    expect([summaryOf(same).failed, failures(same)]).toEqual([1, ['/bad: three']])
  })

  it('counts a file that could not be run, or whose tests were all left out by a failure, as one failure', () => {
    const unset = { ...file('/unset', test('five', 'skipped')), status: 'failed' }
    expect(summaryOf({ testResults: [broken, unset] })).toMatchObject({ passed: 0, failed: 2 })
  })
})
