import { type Row, ratio, summarise } from './measure.ts'

/** What a row should come to, and whether it does. */
export interface Target {
  readonly text: string
  readonly isMet: boolean
}

type Kind = 'times better than the peer' | 'at least' | 'at most'
interface Rule {
  readonly task: RegExp
  readonly by: RegExp
  readonly kind: Kind
  readonly value: number
}

const OURS = /^strongroom$/
const better = (task: RegExp, by: RegExp, value: number): Rule => ({
  task,
  by,
  kind: 'times better than the peer',
  value,
})
const least = (task: RegExp, value: number): Rule => ({ task, by: OURS, kind: 'at least', value })
const most = (task: RegExp, value: number): Rule => ({ task, by: OURS, kind: 'at most', value })

const CRYPT = /^(en|de)crypt 1024 MiB$/
const LARGE = /^(put|get) 1024 MiB$/
const RULES: readonly Rule[] = [
  better(CRYPT, /^age,/, 1.2),
  better(CRYPT, /^rclone crypt/, 5),
  better(CRYPT, /^typage/, 10),
  better(LARGE, /^rclone crypt .*local folder$/, 1.5),
  better(LARGE, /^restic/, 1.5),
  better(LARGE, /^rclone crypt .*same bucket$/, 1.3),
  better(LARGE, /^plain upload/, 1 / 1.15),
  better(/^(put|get) 1000 × 100 KiB$/, /^rclone crypt/, 1),
  most(/^(client, (put|get)|server .*both,) \d+ MiB$/, 192),
  most(/^100000 files: of it: beyond that$/, 500),
  most(/^100000 files: opened again, 100 commits behind$/, 150),
  most(/^100000 files: search /, 3),
  most(/^1000000 files: new device/, 5_000),
  most(/^1000000 files: search /, 30),
  most(/^of it: the rest$/, 50),
  least(/^commits on 16 vaults$/, 1_500),
  least(/^commits on one vault, one client$/, 600),
  least(/^commits on one vault, 16 clients racing, who loses waits as the client does$/, 300),
  least(/^blob opens, one a request$/, 3_000),
  least(/^login starts among .*, against those among 1,000$/, 0.8),
  least(/^commits on 16 vaults, two such servers, against one$/, 1.6),
  better(/^1000 accounts to a new key, unthrottled$/, /bare ReEncrypt/, 0.7),
]

const digits = (value: number): string => (Number.isInteger(value) ? String(value) : value.toFixed(2))

/** The target of a row; null where it has none, or was not measured. */
export function targetOf(row: Row, rows: readonly Row[]): Target | null {
  const rule = RULES.find(({ task, by }) => task.test(row.task) && by.test(row.by))
  if (rule === undefined) return null
  const { kind, value } = rule
  const reached = kind === 'times better than the peer' ? ratio(row, rows) : summarise(row.samples)?.median
  if (reached === undefined || reached === null) return null
  const unit = kind === 'times better than the peer' ? '×' : row.unit
  const isMost = kind === 'at most'
  return {
    text: `${isMost ? '≤' : '≥'} ${digits(value)} ${unit}`,
    isMet: isMost ? reached <= value : reached >= value,
  }
}
