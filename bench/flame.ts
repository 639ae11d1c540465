import { escaped, svg } from './svg.ts'

/** A CPU profile as V8 writes it: the part that is read here. */
export interface Profile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string }
    readonly children?: readonly number[]
  }[]
  readonly samples: readonly number[]
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[]
}

/** A function with all that it called, everywhere that it was called from the same functions. */
interface Frame {
  readonly name: string
  readonly kind: Kind
  ms: number
  readonly callees: Map<string, Frame>
}

type Kind = 'own' | 'package' | 'node' | 'engine'

const [WIDTH, ROW, HEAD, LETTER] = [1200, 17, 44, 6.2]
/** Frames below this share of the whole are left out: no one could read them. */
const LEAST = 0.004
const IDLE = '(idle)'
/** What takes the profile. */
const PROFILER = 'node:inspector'

function kindOf(name: string, url: string): Kind {
  if (url.startsWith('node:')) return 'node'
  if (url.includes('/node_modules/')) return 'package'
  return url === '' || name.startsWith('(') ? 'engine' : 'own'
}

/** The profile's calls as one tree, without the time in which nothing was to do. */
export function callTree({ nodes, samples, timeDeltas }: Profile): Frame {
  const own = new Map<number, number>()
  for (const [index, id] of samples.entries()) own.set(id, (own.get(id) ?? 0) + (timeDeltas[index] ?? 0) / 1000)
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const root: Frame = { name: 'all', kind: 'engine', ms: 0, callees: new Map() }
  const add = (id: number, caller: Frame): number => {
    const node = byId.get(id)
    if (node === undefined) return 0
    const { functionName, url } = node.callFrame
    if (functionName === IDLE || url === PROFILER) return 0
    const name = functionName === '' ? '(anonymous)' : functionName
    const key = `${name} ${url}`
    const frame = caller.callees.get(key) ?? { name, kind: kindOf(name, url), ms: 0, callees: new Map() }
    caller.callees.set(key, frame)
    let ms = own.get(id) ?? 0
    for (const child of node.children ?? []) ms += add(child, frame)
    frame.ms += ms
    return ms
  }
  for (const child of nodes[0]?.children ?? []) root.ms += add(child, root)
  return root
}

/** Callers below, what they called above them, as wide as it took; the widest first. */
export function flameGraph(title: string, profile: Profile): string {
  const root = callTree(profile)
  const scale = WIDTH / Math.max(root.ms, Number.EPSILON)
  const boxes: { frame: Frame; x: number; depth: number }[] = []
  const place = (frame: Frame, x: number, depth: number): void => {
    boxes.push({ frame, x, depth })
    let at = x
    for (const callee of [...frame.callees.values()].sort((one, other) => other.ms - one.ms)) {
      if (callee.ms >= root.ms * LEAST) place(callee, at, depth + 1)
      at += callee.ms * scale
    }
  }
  place(root, 0, 0)
  const deepest = Math.max(...boxes.map(({ depth }) => depth))
  const height = HEAD + (deepest + 1) * ROW + 4
  const drawn = boxes.map(({ frame, x, depth }) => {
    const [y, width] = [height - 4 - (depth + 1) * ROW, frame.ms * scale]
    const share = `${((frame.ms / root.ms) * 100).toFixed(1)} %`
    const letters = Math.floor((width - 4) / LETTER)
    const label = frame.name.length <= letters ? frame.name : letters > 3 ? `${frame.name.slice(0, letters - 1)}…` : ''
    const text = label === '' ? '' : `<text x="${(x + 2).toFixed(1)}" y="${y + 12}">${escaped(label)}</text>`
    const size = `x="${x.toFixed(1)}" y="${y}" width="${Math.max(0.5, width - 0.5).toFixed(1)}" height="${ROW - 1}"`
    return `<g><title>${escaped(frame.name)} ${share}</title><rect class="${frame.kind}" ${size}/>${text}</g>`
  })
  const style =
    'text{font:10.5px ui-monospace,monospace;fill:#222}.title{font:600 14px system-ui,sans-serif}' +
    '.own{fill:#8fbce6}.package{fill:#f2c98a}.node{fill:#cfd6dd}.engine{fill:#e5b5b0}'
  const legend =
    'blue: of this repository; orange: packages; grey: Node; red: the engine, system calls, garbage collection'
  const parts = [`<text x="8" y="34">${legend}</text>`, ...drawn]
  return svg({ title, width: WIDTH, height, style, x: 8, y: 18, parts })
}
