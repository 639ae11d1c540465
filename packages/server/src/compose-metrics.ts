import type { Opened } from './compose-services.ts'
import { type Config, ConfigError } from './config.ts'
import type { PoolState } from './database/connect.ts'
import type { HeadWatch } from './domain/commits/head-watch.ts'
import { NO_METER } from './domain/metering/measure.ts'
import { serveMetrics } from './http/metrics-server.ts'
import type { Meter, Signals } from './ports/index.ts'

/** What metrics show of a server's own state. */
export interface Watched {
  poolState(): PoolState
  readonly heads: Pick<HeadWatch, 'waiting'>
  readonly signals: Pick<Signals, 'connected'>
  isDraining(): boolean
}

/** The meter of METRICS_ADDRESS, served there; one that takes no notice where none is set. */
export async function openMetrics(config: Config, resources: Opened, watched: Watched): Promise<Meter> {
  if (config.metrics === null) return NO_METER
  const { openPrometheus } = await import('./adapters/metrics/prometheus.ts')
  const metrics = openPrometheus({
    database_connections: { help: 'Connections of the pool.', value: () => watched.poolState().open },
    database_connections_idle: { help: 'Connections of the pool in no use.', value: () => watched.poolState().idle },
    database_waiting: { help: 'Requests that wait for a connection.', value: () => watched.poolState().waiting },
    head_waiters: { help: 'Requests that wait for changes of a vault.', value: () => watched.heads.waiting() },
    signals_connected: {
      help: '1 while signals of other servers arrive; 0: waiting requests look every second.',
      value: () => Number(watched.signals.connected()),
    },
    draining: { help: '1 while this server is stopping.', value: () => Number(watched.isDraining()) },
  })
  const close = await serveMetrics(config.metrics, metrics).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException
    throw typeof code === 'string' ? new ConfigError(`METRICS_ADDRESS cannot be listened on (${code})`) : error
  })
  resources.push(close)
  return metrics.meter
}
