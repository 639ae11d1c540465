interface TestOfReport {
  readonly fullName: string
  readonly status: string
}

interface FileOfReport {
  readonly name: string
  readonly status: string
  readonly assertionResults: readonly TestOfReport[]
}

interface Report {
  readonly testResults: readonly FileOfReport[]
}

export function filesToBeginAnew(report: Report, loose: readonly (string | null)[]): string[] | null
export function withSecondRun(report: Report, files: readonly string[], second: Report): Report
export function failures(report: Report): string[]
export function summaryOf(report: Report): { passed: number; failed: number; skipped: string[] }
