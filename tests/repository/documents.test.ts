import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { ERRORS, ROUTES } from '@strongroom/protocol'
import { describe, expect, it } from 'vitest'
import { checkoutFiles, ROOT, readText } from './checkout.ts'
import { codeSpans, headingAnchors, linkTargets, tableRows } from './markdown.ts'

interface Manifest {
  name: string
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
}

interface Dependency {
  /** Package of ours that takes it, without scope and prefix; `development` for devDependencies. */
  user: string
  name: string
  version: string
}

const manifests = checkoutFiles().filter((file) => posix.basename(file) === 'package.json')
const isOwn = (name: string): boolean => name.startsWith('@strongroom/')

function dependencies(): Dependency[] {
  return manifests.flatMap((file) => {
    const manifest = JSON.parse(readText(file)) as Manifest
    const user = manifest.name.replace(/^(@strongroom\/|strongroom-)/, '')
    const product = { ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.peerDependencies }
    return [
      ...Object.entries(product).map(([name, version]) => ({ user, name, version })),
      ...Object.entries(manifest.devDependencies ?? {}).map(([name, version]) => ({
        user: 'development',
        name,
        version,
      })),
    ]
  })
}

/** Package → who takes it, as docs/dependencies.md says. */
function documented(): Map<string, string[]> {
  const page = readText('docs/dependencies.md')
  const split = page.indexOf('## For development')
  const rows = [
    ...tableRows(page.slice(0, split)).map((row) => ({
      row,
      users: (row[1] ?? '').replace(/\(.*?\)/g, '').split(','),
    })),
    ...tableRows(page.slice(split)).map((row) => ({ row, users: ['development'] })),
  ]
  return new Map(
    rows.flatMap(({ row, users }) =>
      codeSpans(row[0] ?? '').map((name): [string, string[]] => [name, users.map((user) => user.trim()).sort()]),
    ),
  )
}

describe('docs/dependencies.md', () => {
  it('lists exactly the packages that are depended on, with who takes them', () => {
    const actual = new Map<string, string[]>()
    for (const { user, name } of dependencies().filter((entry) => !isOwn(entry.name))) {
      actual.set(name, [...(actual.get(name) ?? []), user].sort())
    }
    // What the product takes has its line there; the repository's own scripts and tests may use it too.
    for (const [name, users] of actual) {
      if (users.length > 1)
        actual.set(
          name,
          users.filter((user) => user !== 'development'),
        )
    }
    const sorted = (map: Map<string, string[]>) => [...map].sort(([a], [b]) => a.localeCompare(b))
    expect(sorted(documented())).toEqual(sorted(actual))
  })

  it('can promise exact versions, the same everywhere', () => {
    const all = dependencies()
    expect(all.filter(({ version }) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([])
    const versions = new Map<string, Set<string>>()
    for (const { name, version } of all) versions.set(name, (versions.get(name) ?? new Set()).add(version))
    expect([...versions].filter(([, set]) => set.size > 1).map(([name]) => name)).toEqual([])
  })

  it('gives each row a licence and a purpose', () => {
    const incomplete = tableRows(readText('docs/dependencies.md')).filter((row) => row.some((cell) => cell === ''))
    expect(incomplete).toEqual([])
  })
})

describe('the error catalogue', () => {
  const catalogue = Object.entries(ERRORS)
    .map(([code, { status }]) => `${code} ${status}`)
    .sort()

  it('is the table of spec/upload-protocol.md', () => {
    const rows = tableRows(readText('spec/upload-protocol.md'))
      .filter((row) => /^`[a-z_]+`$/.test(row[0] ?? '') && /^\d{3}$/.test(row[1] ?? ''))
      .map((row) => `${codeSpans(row[0] ?? '')[0]} ${row[1]}`)
    expect(rows.sort()).toEqual(catalogue)
  })

  it('is what spec/openapi.json names, each under its status', () => {
    const document = JSON.parse(readText('spec/openapi.json')) as {
      paths: Record<string, Record<string, { responses: Record<string, unknown> }>>
    }
    for (const route of Object.values(ROUTES)) {
      const path = route.path.replace(/:(\w+)/g, '{$1}')
      const responses = document.paths[path]?.[route.method.toLowerCase()]?.responses ?? {}
      for (const code of route.errors) {
        const { status } = ERRORS[code]
        expect(JSON.stringify(responses[status] ?? null), `${route.name} ${status}`).toContain(code)
      }
    }
    const text = JSON.stringify(document)
    expect(Object.keys(ERRORS).filter((code) => !text.includes(`"${code}"`))).toEqual([])
  })
})

describe('the SDK and the command line', () => {
  /** Members of `export type NAME = | 'a' | 'b'`. */
  function unionMembers(file: string, name: string): string[] {
    const declaration = readText(file).split(`export type ${name} =`)[1]?.split('\n\n')[0] ?? ''
    return [...declaration.matchAll(/^\s*\| '([a-z_]+)'/gm)].map((match) => match[1] ?? '')
  }

  it('document every code of ClientError in docs/sdk.md, and no other', () => {
    const codes = unionMembers('packages/client/src/errors.ts', 'ClientErrorCode')
    expect(codes.length).toBeGreaterThan(10)
    const rows = tableRows(readText('docs/sdk.md'))
      .filter((row) => /^`[a-z_]+`$/.test(row[0] ?? ''))
      .map((row) => codeSpans(row[0] ?? '')[0])
    expect(rows.sort()).toEqual(codes.sort())
  })

  it('document every exit code in docs/cli.md', () => {
    const block = readText('apps/cli/src/exit-codes.ts').split('export const EXIT = {')[1]?.split('}')[0] ?? ''
    const codes = [...block.matchAll(/: (\d+),/g)].map((match) => match[1] ?? '')
    expect(codes.length).toBeGreaterThan(8)
    const documentedCodes = tableRows(readText('docs/cli.md')).map((row) => (row[0] ?? '').replaceAll('`', ''))
    expect(codes.filter((code) => !documentedCodes.includes(code))).toEqual([])
  })
})

describe('generated files', () => {
  it('are what the code says', () => {
    const tsx = join(ROOT, 'node_modules/tsx/dist/cli.mjs')
    const check = spawnSync(process.execPath, [tsx, 'scripts/generate.ts', '--check'], { cwd: ROOT, encoding: 'utf8' })
    expect(check.stderr).toBe('')
    expect(check.status).toBe(0)
  })
})

describe('ARCHITECTURE.md', () => {
  const invariants = readText('ARCHITECTURE.md')
    .split('\n\n')
    .flatMap((block) => block.split(/^- /m))
    .filter((entry) => entry.startsWith('Invariant:'))
    .map((entry) => entry.replace(/\s+/g, ' ').trim())

  it('has invariants', () => expect(invariants.length).toBeGreaterThan(10))

  it.each(invariants)('names what holds it: %s', (entry) => {
    const holder = entry.split(' — ')[1] ?? ''
    const names = codeSpans(holder)
    expect(names.length).toBeGreaterThan(0)
    const rules = readText('.dependency-cruiser.cjs')
    for (const name of names) {
      if (name.includes('/')) expect(existsSync(join(ROOT, name)), name).toBe(true)
      else expect(rules, name).toContain(`'${name}'`)
    }
  })
})

describe('links', () => {
  const pages = checkoutFiles().filter((file) => file.endsWith('.md'))

  it.each(pages)('of %s lead somewhere', (page) => {
    const broken = linkTargets(readText(page)).filter((target) => {
      if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return false
      const [path = '', anchor] = decodeURIComponent(target).split('#')
      const file = path === '' ? page : posix.normalize(posix.join(dirname(page), path))
      if (file.startsWith('..') || !existsSync(join(ROOT, file))) return true
      if (anchor === undefined) return false
      return statSync(join(ROOT, file)).isDirectory() || !headingAnchors(readText(file)).has(anchor)
    })
    expect(broken).toEqual([])
  })
})
