import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { freePort } from '../../../dev-env/engines/free-port.ts'
import { startDevServer } from '../../../dev-env/server.ts'
import { bytesSource, freshLogin, loginDevice, registerDevice } from '../sdk/sdk.ts'

const DASHBOARD = fileURLToPath(new URL('../../../../deploy/grafana/strongroom.json', import.meta.url))
const DOCUMENT = fileURLToPath(new URL('../../../../docs/monitoring.md', import.meta.url))
/** What Prometheus adds to every sample. */
const OF_PROMETHEUS = ['instance']
/** Labels that Prometheus has for itself: it gives a metric's own one of that name another. */
const TAKEN = ['instance', 'job']

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly datasource?: { readonly type: string; readonly uid: string }
  readonly targets?: readonly { readonly refId: string; readonly expr: string; readonly legendFormat: string }[]
}

interface Dashboard {
  readonly uid: string
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] }
}

/** Labels of each metric by its name in samples, and names without any sample too. */
let shown: Map<string, Set<string>>
let dashboard: Dashboard

/** Reads Prometheus's text format. */
function parse(text: string): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>()
  for (const line of text.split('\n')) {
    const [, declared = ''] = /^# TYPE (\S+) /.exec(line) ?? []
    if (declared !== '') found.set(declared, new Set())
    const [, name = '', labels = ''] = /^([a-z]\w*)(?:\{(.*)\})? \S+$/.exec(line) ?? []
    if (name === '') continue
    const known = found.get(name) ?? new Set()
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known.add(label)
    found.set(name, known)
  }
  return found
}

const expressions = (): string[] => dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
const metricsOf = (text: string): string[] => text.match(/\b(?:strongroom|process|nodejs)_\w+/g) ?? []

beforeAll(async () => {
  dashboard = JSON.parse(await readFile(DASHBOARD, 'utf8')) as Dashboard
  const port = await freePort()
  const server = await startDevServer({ env: { METRICS_ADDRESS: `127.0.0.1:${port}`, LOG_LEVEL: 'silent' } })
  try {
    const login = freshLogin()
    await using first = await registerDevice(server.url, login)
    await first.session.drive.put(bytesSource(Buffer.from('counted')), '/counted.txt')
    await using second = await loginDevice(server.url, login)
    expect((await second.session.drive.list('/')).length).toBe(1)
    const text = async () => await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    // The jobs that a server begins with take a moment.
    await vi.waitFor(async () => expect(await text()).toContain('strongroom_jobs_total{'), { timeout: 30_000 })
    shown = parse(await text())
  } finally {
    await server.stop()
  }
})

describe('the dashboard in deploy/grafana', () => {
  it('asks for metrics that a server shows, by labels that they have', () => {
    expect(expressions().length).toBeGreaterThan(25)
    for (const expr of expressions()) {
      const metrics = metricsOf(expr)
      expect(metrics, expr).not.toEqual([])
      for (const metric of metrics) expect([...shown.keys()], expr).toContain(metric)
      const selected = [...expr.matchAll(/(\w+)\s*(?:=~|!~|!=|=(?!=))\s*"/g)].map(([, label = '']) => label)
      const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/,\s*/))
      const known = new Set([...OF_PROMETHEUS, ...metrics.flatMap((metric) => [...(shown.get(metric) ?? [])])])
      for (const label of [...selected, ...grouped]) expect([...known], `${label} in ${expr}`).toContain(label)
    }
  })

  it('names lines by labels that are left of what it asks for', () => {
    for (const { targets = [], title } of dashboard.panels) {
      for (const { expr, legendFormat } of targets) {
        const left = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/,\s*/))
        const kept = /\b(?:sum|count|histogram_quantile)\b/.test(expr) ? left : [...left, ...OF_PROMETHEUS]
        for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
          expect(kept, `${title}: ${legendFormat}`).toContain(label)
        }
      }
    }
  })

  it('shows every metric of a server, and so does the documentation', async () => {
    const own = [...shown.keys()].filter(
      (name) => name.startsWith('strongroom_') && !/_(?:bucket|sum|count)$/.test(name),
    )
    expect(own.length).toBe(17)
    const asked = new Set(
      expressions()
        .flatMap(metricsOf)
        .map((name) => name.replace(/_bucket$/, '')),
    )
    expect(own.filter((name) => !asked.has(name))).toEqual([])
    const document = (await readFile(DOCUMENT, 'utf8')).replaceAll('`…', '`strongroom_database')
    expect(own.filter((name) => !document.includes(`\`${name}\``))).toEqual([])
  })

  it('finds no label that Prometheus would rename', () => {
    const renamed = [...shown].filter(([, labels]) => TAKEN.some((label) => labels.has(label))).map(([name]) => name)
    expect(renamed).toEqual([])
  })

  it('is laid out within Grafana’s 24 columns, no panel over another, all of one data source that can be chosen', () => {
    const { panels, templating } = dashboard
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    expect(templating.list.map(({ name }) => name)).toEqual(['datasource', 'instance'])
    for (const { gridPos: at, type, datasource, title, targets = [] } of panels) {
      expect(at.x + at.w, title).toBeLessThanOrEqual(24)
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length)
      if (type !== 'row') expect(datasource).toEqual({ type: 'prometheus', uid: `\${datasource}` })
      for (const { gridPos: other, title: name } of panels) {
        if (title === name) continue
        const apart = at.x + at.w <= other.x || other.x + other.w <= at.x
        expect(apart || at.y + at.h <= other.y || other.y + other.h <= at.y, `${title} over ${name}`).toBe(true)
      }
    }
  })
})
