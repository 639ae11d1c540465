import { writeFileSync } from 'node:fs'
import { reasonOf } from './report.ts'

/** Writes a picture; where that fails, says so and loses nothing else. */
export function writePicture(path: string, svg: string): void {
  try {
    writeFileSync(path, svg)
  } catch (error) {
    console.error(`Not written: ${path} (${reasonOf(error)})`)
    process.exitCode = 1
  }
}
