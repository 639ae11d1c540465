import type { ProgressEvent } from './types.ts'

/** Counts what a call transfers and tells its caller. */
export interface ProgressCounter {
  addBytes(bytes: number): void
  addTotal(files: number, bytes: number): void
  /** Totals are known from now on. */
  fixTotal(): void
  item(path: string, outcome: 'done' | 'skipped' | 'failed', error?: Error): void
}

export function progressCounter(onProgress: ((event: ProgressEvent) => void) | undefined): ProgressCounter {
  let [files, bytes, totalFiles, totalBytes, fixed] = [0, 0, 0, 0, false]
  const tell = () =>
    onProgress?.({
      type: 'progress',
      files,
      bytes,
      totalFiles: fixed ? totalFiles : null,
      totalBytes: fixed ? totalBytes : null,
    })
  return {
    addBytes(count) {
      bytes += count
      tell()
    },
    addTotal(moreFiles, moreBytes) {
      totalFiles += moreFiles
      totalBytes += moreBytes
    },
    fixTotal() {
      fixed = true
      tell()
    },
    item(path, outcome, error) {
      files += 1
      onProgress?.({ type: 'item', path, outcome, ...(error === undefined ? {} : { error }) })
      tell()
    },
  }
}
