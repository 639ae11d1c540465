import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))

/** A check taken out of the client: one piece of source text, replaced in one file. */
export interface Mutation {
  /** Path of the source file from the root of the repository. */
  readonly file: string
  /** Occurs exactly once in the file. */
  readonly find: string
  readonly replace: string
}

/** What has to go for a check not to be made: one piece of text, or several. */
export type Removal = Mutation | readonly Mutation[]

/** A command line built from mutated sources; `bin` is run as the real one is. */
export interface Mutant extends AsyncDisposable {
  /** URL of what was built from the entry. */
  readonly main: string
  readonly bin: string
}

/**
 * Builds the command line, or what another entry exports, with its checks taken out.
 *
 * @throws Error when a piece does not occur exactly once, or its file is no part of the command line
 */
export async function buildMutant(mutations: readonly Mutation[], entry = 'apps/cli/src/main.ts'): Promise<Mutant> {
  await mkdir(join(ROOT, '.tmp'), { recursive: true })
  // Inside the repository, so that packages left out of the bundle are found.
  const folder = await mkdtemp(join(ROOT, '.tmp/mutant-'))
  const applied = new Set<Mutation>()
  await build({
    absWorkingDir: ROOT,
    entryPoints: {
      main: entry,
      'content-worker': 'packages/client/src/platform/node/content-worker.ts',
    },
    outdir: join(folder, 'dist'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'silent',
    plugins: [ownPackagesOnly(), mutate(mutations, applied)],
  })
  const missed = mutations.find((mutation) => !applied.has(mutation))
  if (missed !== undefined) throw new Error(`the command line does not contain ${missed.file}`)
  await mkdir(join(folder, 'bin'))
  for (const file of ['bin/strongroom.js', 'package.json'])
    await copyFile(join(ROOT, 'apps/cli', file), join(folder, file))
  return {
    main: pathToFileURL(join(folder, 'dist/main.js')).href,
    bin: join(folder, 'bin/strongroom.js'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

function ownPackagesOnly(): Plugin {
  return {
    name: 'own-packages-only',
    setup({ onResolve }) {
      onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
        kind === 'entry-point' || path.startsWith('@strongroom/') ? undefined : { path, external: true },
      )
    },
  }
}

function mutate(mutations: readonly Mutation[], applied: Set<Mutation>): Plugin {
  return {
    name: 'mutate',
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const own = mutations.filter((mutation) => path === join(ROOT, mutation.file))
        if (own.length === 0) return undefined
        let text = await readFile(path, 'utf8')
        for (const mutation of own) {
          const pieces = text.split(mutation.find)
          if (pieces.length !== 2) {
            const times = pieces.length === 1 ? 'no longer holds' : `holds ${pieces.length - 1} times`
            throw new Error(
              `${mutation.file} ${times} the text of a check; mend it in tests/adversary: ${mutation.find}`,
            )
          }
          text = pieces.join(mutation.replace)
          applied.add(mutation)
        }
        return { contents: text, loader: 'ts' }
      })
    },
  }
}
