import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The folder of the newest built web app; undefined where this program came without one. */
export function findWebApp(): string | undefined {
  // The bundle of this file lies in a folder of its own below `dist`, its source in `src`: both two below the app.
  for (const apps of ['../../..', '../..']) {
    const dist = fileURLToPath(new URL(`${apps}/web/dist/`, import.meta.url))
    const pointer = `${dist}current`
    if (existsSync(pointer)) return `${dist}${readFileSync(pointer, 'utf8').trim()}`
  }
  return undefined
}
