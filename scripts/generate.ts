// Writes what is derived from code: spec/openapi.json and docs/configuration.md. `--check` compares instead.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { configurationPage } from './documents/configuration-page.ts'
import { openApiText } from './documents/openapi-text.ts'

const FILES: Record<string, () => string> = {
  'spec/openapi.json': openApiText,
  'docs/configuration.md': configurationPage,
}

let stale = 0
for (const [file, text] of Object.entries(FILES)) {
  const path = fileURLToPath(new URL(`../${file}`, import.meta.url))
  if (!process.argv.includes('--check')) {
    writeFileSync(path, text())
    console.log(`wrote ${file}`)
  } else if (readFileSync(path, 'utf8') !== text()) {
    console.error(`${file} is not what the code says: run npm run generate`)
    stale += 1
  }
}
process.exit(stale === 0 ? 0 : 1)
