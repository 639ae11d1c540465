import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Counters, Meter, Timers } from '../../ports/index.ts'

const PREFIX = 'strongroom_'
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120]

const COUNTERS: { readonly [Name in keyof Counters]: { help: string; labels: readonly (keyof Counters[Name])[] } } = {
  http_requests: { help: 'Requests answered, by the pattern of their route.', labels: ['method', 'route', 'status'] },
  logins: { help: 'Third login messages, by what came of them.', labels: ['outcome'] },
  registrations: { help: 'Accounts made.', labels: [] },
  commits: { help: 'Commits appended; repeated ones count again.', labels: [] },
  kms_calls: { help: 'Calls of the key service.', labels: ['operation', 'outcome'] },
  store_calls: { help: 'Calls of the blob store by this server.', labels: ['operation', 'outcome'] },
  jobs: { help: 'Runs of background jobs on this server.', labels: ['name', 'outcome'] },
}

const TIMERS: { readonly [Name in keyof Timers]: { help: string; labels: readonly (keyof Timers[Name])[] } } = {
  http_request: { help: 'Time until a request was answered.', labels: ['method', 'route'] },
  kms_call: { help: 'Time of a call of the key service.', labels: ['operation'] },
  store_call: { help: 'Time of a call of the blob store; of reading until its first byte.', labels: ['operation'] },
  job: { help: 'Time of a run of a background job.', labels: ['name'] },
}

/** What is read at the moment when it is asked for, by name. */
export type Gauges = Readonly<Record<string, { readonly help: string; readonly value: () => number }>>

export interface PrometheusMetrics {
  readonly meter: Meter
  readonly contentType: string
  /** All of it, in Prometheus's text format. */
  text(): Promise<string>
}

/** Metrics for Prometheus: of the process, of `gauges`, and what the meter is told. */
export function openPrometheus(gauges: Gauges): PrometheusMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const [name, { help, value }] of Object.entries(gauges)) {
    new Gauge({
      name: PREFIX + name,
      help,
      registers: [registry],
      collect() {
        this.set(value())
      },
    })
  }
  const counters = each(COUNTERS, (name, { help, labels }) => {
    return new Counter({ name: `${PREFIX}${name}_total`, help, labelNames: labels, registers: [registry] })
  })
  const timers = each(TIMERS, (name, { help, labels }) => {
    const buckets = BUCKETS
    return new Histogram({ name: `${PREFIX}${name}_seconds`, help, labelNames: labels, buckets, registers: [registry] })
  })
  return {
    meter: {
      count: (name, labels) => counters.get(name)?.inc({ ...labels }),
      time: (name, labels, seconds) => timers.get(name)?.observe({ ...labels }, seconds),
    },
    contentType: registry.contentType,
    text: () => registry.metrics(),
  }
}

function each<Made>(
  table: Readonly<Record<string, { help: string; labels: readonly string[] }>>,
  make: (name: string, entry: { help: string; labels: string[] }) => Made,
): ReadonlyMap<string, Made> {
  return new Map(
    Object.entries(table).map(([name, { help, labels }]) => [name, make(name, { help, labels: [...labels] })]),
  )
}
