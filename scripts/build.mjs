// `npm run build`: bundles the apps; `node scripts/build.mjs server` only one of them. Unchanged sources are skipped.
//
// [Note: Generations] Each build lands in `dist/<hash of its sources>/`, complete before it gets that name, and the
// files in `dist/` itself only point there. Pointing is one rename per entry, so whoever starts during a build gets
// the old generation or the new one, whole. What runs from an old one goes on: it is removed a day later.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ROOT } from './install.mjs'

const DAY_MS = 24 * 60 * 60 * 1000

/**
 * Entry name in `dist/` → source; `sources` are the folders whose change makes a new build. Where npm packages go `inside`
 * of the bundle, only what is used of them is loaded: a program that starts often reads a dozen files instead of 300.
 * `program` is the entry `main` where that starts often: one file, which `bin/load-program.js` loads.
 */
const APPS = {
  server: {
    dist: 'apps/server/dist',
    npm: 'outside',
    entries: {
      main: 'apps/server/src/main.ts',
      run: 'apps/server/src/run.ts',
      'pkcs11-process': 'packages/server/src/adapters/kms/pkcs11-process.ts',
    },
    sources: [
      'apps/server/src',
      'packages/server/src',
      'packages/protocol/src',
      'packages/vault/src',
      'packages/crypto/src',
    ],
  },
  cli: {
    dist: 'apps/cli/dist',
    npm: 'inside',
    program: 'apps/cli/src/main.ts',
    entries: {
      'content-worker': 'packages/client/src/platform/node/content-worker.ts',
      'opaque-worker': 'packages/client/src/platform/node/opaque-worker.ts',
    },
    sources: [
      'apps/cli/src',
      'packages/client/src',
      'packages/protocol/src',
      'packages/vault/src',
      'packages/crypto/src',
    ],
  },
}

function sourceFiles(folder) {
  return readdirSync(join(ROOT, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort()
}

function hashSources(app) {
  const hash = createHash('sha256')
  const files = app.sources.flatMap(sourceFiles)
  files.push(join(ROOT, 'package-lock.json'), fileURLToPath(import.meta.url))
  for (const file of files) {
    const bytes = readFileSync(file)
    hash.update(`${relative(ROOT, file)}\0${bytes.length}\0`).update(bytes)
  }
  return hash.digest('hex').slice(0, 16)
}

/** Name of a program's one file. */
export const PROGRAM = 'main.cjs'

/** What `dist/main.js` says of a program in that file. */
export const programPointer = (file) =>
  `import { loadProgram } from '../bin/load-program.js'
export const { runCli } = loadProgram(new URL('./${file}', import.meta.url))
`

/** Files in `dist/` that point to a generation, and what they say. */
function pointers(app, generation) {
  const entries = Object.keys(app.entries).map((entry) => [
    `${entry}.js`,
    `export * from './${generation}/${entry}.js'\n`,
  ])
  return app.program === undefined ? entries : [...entries, ['main.js', programPointer(`${generation}/${PROGRAM}`)]]
}

function isCurrent(app, generation) {
  const files = pointers(app, generation).map(([name, text]) => ({ file: join(ROOT, app.dist, name), text }))
  const isThere = files.every(({ file, text }) => existsSync(file) && readFileSync(file, 'utf8') === text)
  return isThere && existsSync(join(ROOT, app.dist, generation))
}

/** Leaves npm packages out; those of this repository are sources and go in. */
const packagesOutside = {
  name: 'packages-outside',
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === 'entry-point' || path.startsWith('@strongroom/') ? undefined : { path, external: true },
    )
  },
}

/** Packages that are not ESM ask for Node's own modules by `require`, which ESM has not. */
const REQUIRE = `import { createRequire as nodeRequire } from 'node:module'; const require = nodeRequire(import.meta.url);`

/** File of a generation that lists the folders, below the root, of the npm packages in it. */
export const INSIDE = 'npm-packages.json'

function packagesInside(inputs) {
  const folders = Object.keys(inputs).map((file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0])
  return [...new Set(folders.filter((folder) => folder !== undefined))].sort()
}

async function bundle(app, generation) {
  const dist = join(ROOT, app.dist)
  const finished = join(dist, generation)
  await mkdir(dist, { recursive: true })
  if (!existsSync(finished)) {
    const { build, stop } = await import('esbuild')
    const temporary = join(dist, `.new-${process.pid}`)
    try {
      const common = {
        absWorkingDir: ROOT,
        outdir: temporary,
        bundle: true,
        platform: 'node',
        target: 'node20.19',
        sourcemap: 'linked',
        sourcesContent: false,
        logLevel: 'warning',
        metafile: true,
      }
      const parts = await build({
        ...common,
        entryPoints: app.entries,
        splitting: true,
        format: 'esm',
        charset: 'utf8',
        ...(app.npm === 'outside' ? { plugins: [packagesOutside] } : { banner: { js: REQUIRE } }),
      })
      const inputs = { ...parts.metafile.inputs }
      if (app.program !== undefined) {
        const program = await build({
          ...common,
          entryPoints: { main: app.program },
          outExtension: { '.js': '.cjs' },
          format: 'cjs',
          charset: 'ascii',
          define: { 'import.meta.url': 'bundleUrl' },
        })
        Object.assign(inputs, program.metafile.inputs)
      }
      await writeFile(join(temporary, INSIDE), `${JSON.stringify(packagesInside(inputs), null, 2)}\n`)
      await rename(temporary, finished)
    } catch (error) {
      await rm(temporary, { recursive: true, force: true })
      // A build at the same time made the same generation.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    } finally {
      // Reason: esbuild works in a process of its own, which would stay as long as the server that follows.
      await stop()
    }
  }
  for (const [name, text] of pointers(app, generation)) {
    const file = join(dist, name)
    await writeFile(`${file}.new-${process.pid}`, text)
    await rename(`${file}.new-${process.pid}`, file)
  }
  await removeOld(app, generation)
}

async function removeOld(app, generation) {
  const dist = join(ROOT, app.dist)
  for (const name of await readdir(dist)) {
    if (name === generation || (!/^[0-9a-f]{16}$/.test(name) && !name.includes('.new-'))) continue
    const found = await stat(join(dist, name)).catch(() => null)
    if (found !== null && Date.now() - found.mtimeMs > DAY_MS)
      await rm(join(dist, name), { recursive: true, force: true })
  }
}

/** Builds the named apps where their sources have changed since. */
export async function buildApps(names = [...Object.keys(APPS), 'web']) {
  for (const name of names) {
    if (name === 'web') {
      const { buildWeb } = await import('./build-web.mjs')
      await buildWeb()
      continue
    }
    const app = APPS[name]
    if (app === undefined) throw new Error(`There is no app "${name}"; there are ${Object.keys(APPS).join(', ')}.`)
    const generation = hashSources(app)
    if (!isCurrent(app, generation)) await bundle(app, generation)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await buildApps(process.argv.length > 2 ? process.argv.slice(2) : undefined)
  } catch (error) {
    // Reason: esbuild has printed what is wrong with the sources, each with its place.
    if (!Array.isArray(error.errors)) console.error(error.message)
    process.exitCode = 1
  }
}
