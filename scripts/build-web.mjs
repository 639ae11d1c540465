// Builds the web app into `apps/web/dist/<hash of its sources>/`, complete before it gets that name; `current` beside it
// names the newest. Whoever runs from an older one goes on.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { brotliCompress, constants } from 'node:zlib'
import { ROOT } from './install.mjs'

const APP = join(ROOT, 'apps/web')
const DIST = join(APP, 'dist')
const SOURCES = [
  'apps/web/src',
  'apps/web/public',
  'packages/client/src',
  'packages/protocol/src',
  'packages/vault/src',
  'packages/crypto/src',
]
const FILES = [
  'apps/web/index.html',
  'apps/web/pdf-frame.html',
  'apps/web/vite.config.ts',
  'package-lock.json',
  'scripts/build-web.mjs',
]
const COMPRESSED = /\.(html|m?js|css|svg|webmanifest|wasm|ttf)$/
const DAY_MS = 24 * 60 * 60 * 1000

function hashSources() {
  const hash = createHash('sha256')
  const files = SOURCES.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
      .map((entry) => join(entry.parentPath, entry.name)),
  )
  for (const file of [...files, ...FILES.map((name) => join(ROOT, name))].sort()) {
    const bytes = readFileSync(file)
    hash.update(`${relative(ROOT, file)}\0${bytes.length}\0`).update(bytes)
  }
  return hash.digest('hex').slice(0, 16)
}

async function compress(folder) {
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !COMPRESSED.test(entry.name)) continue
    const file = join(entry.parentPath, entry.name)
    const params = { [constants.BROTLI_PARAM_QUALITY]: 9 }
    await writeFile(`${file}.br`, await promisify(brotliCompress)(await readFile(file), { params }))
  }
}

async function removeOld(generation) {
  for (const name of await readdir(DIST)) {
    if (name === generation || name === 'current') continue
    const found = await stat(join(DIST, name)).catch(() => null)
    if (found !== null && Date.now() - found.mtimeMs > DAY_MS) {
      await rm(join(DIST, name), { recursive: true, force: true })
    }
  }
}

/** Builds the web app where its sources have changed since. */
export async function buildWeb() {
  const generation = hashSources()
  const finished = join(DIST, generation)
  if (!existsSync(finished)) {
    const temporary = join(DIST, `.new-${process.pid}`)
    // Reason: the tests bring a Vite of their own, which may be another one.
    const { build } = await import(pathToFileURL(createRequire(join(APP, 'package.json')).resolve('vite')).href)
    const { NODE_ENV } = process.env
    // Reason: test runners set another one, and React would be built for its developers.
    process.env.NODE_ENV = 'production'
    try {
      await build({ configFile: join(APP, 'vite.config.ts'), logLevel: 'error', build: { outDir: temporary } })
      await compress(temporary)
      await rename(temporary, finished)
    } catch (error) {
      await rm(temporary, { recursive: true, force: true })
      // A build at the same time made the same generation.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    } finally {
      if (NODE_ENV === undefined) delete process.env.NODE_ENV
      else process.env.NODE_ENV = NODE_ENV
    }
  }
  const pointer = join(DIST, 'current')
  if (existsSync(pointer) && readFileSync(pointer, 'utf8') === generation) return
  await writeFile(`${pointer}.new-${process.pid}`, generation)
  await rename(`${pointer}.new-${process.pid}`, pointer)
  await removeOld(generation)
}
