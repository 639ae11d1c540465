import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { requirePackages } from './install.ts'

const BIN = '/usr/sbin/haproxy'
const READY_MS = 30_000

/** haproxy ends with the process that started it: its standard input ends then. */
const GUARD = `
exec 3<&0 </dev/null
"$@" 3<&- & balancer=$!
( read -r line <&3; kill -TERM $balancer ) 2>/dev/null & guard=$!
exec 3<&-
wait $balancer; code=$?
kill $guard 2>/dev/null
exit $code
`

export interface Balancer {
  readonly url: string
  /** Resolves once as many servers as expected are up by its own health checks. */
  awaitUp(expected: () => number): Promise<void>
  close(): Promise<void>
}

/**
 * haproxy on `port` before servers of this machine: round robin without stickiness, so that requests of one client meet
 * every server; health by /readyz; a connection that is refused is tried at another server.
 */
export async function startBalancer(input: { port: number; servers: readonly number[] }): Promise<Balancer> {
  if (!existsSync(BIN)) requirePackages('haproxy', ['haproxy'])
  const folder = await mkdtemp(path.join(tmpdir(), 'strongroom-haproxy-'))
  const file = path.join(folder, 'haproxy.cfg')
  const stats = path.join(folder, 'stats')
  await writeFile(file, configuration({ ...input, stats }))
  const child = spawn('/bin/sh', ['-c', GUARD, 'strongroom-haproxy', BIN, '-db', '-f', file], {
    cwd: folder,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  child.stdin.on('error', () => undefined)
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const close = async (): Promise<void> => {
    child.stdin.end()
    await exited
    await rm(folder, { recursive: true, force: true })
  }
  const awaitUp = async (expected: () => number): Promise<void> => {
    const deadline = Date.now() + READY_MS
    while (hasNotEnded(child)) {
      const up = (await ask(stats, 'show stat').catch(() => ''))
        .split('\n')
        .filter((line) => /^servers,s\d+,.*,UP/.test(line))
      if (up.length === expected()) return
      if (Date.now() > deadline) break
      await delay(50)
    }
    throw new Error(`haproxy does not see ${expected()} servers: ${output}`)
  }
  try {
    await awaitUp(() => input.servers.length)
  } catch (error) {
    await close()
    throw error
  }
  return { url: `http://127.0.0.1:${input.port}`, awaitUp, close }
}

function hasNotEnded(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null
}

function configuration(input: { port: number; servers: readonly number[]; stats: string }): string {
  const servers = input.servers.map((port, index) => `  server s${index} 127.0.0.1:${port}`)
  return [
    'global',
    `  stats socket ${input.stats} mode 600`,
    'defaults',
    '  mode http',
    '  timeout connect 5s',
    '  timeout client 2m',
    '  timeout server 2m',
    // Reason: without it a check counts as failed after its interval, and a busy machine would take every server away.
    '  timeout check 10s',
    '  option forwardfor',
    '  option redispatch 1',
    '  retries 3',
    'frontend front',
    `  bind 127.0.0.1:${input.port}`,
    '  default_backend servers',
    'backend servers',
    '  balance roundrobin',
    '  option httpchk GET /readyz',
    '  default-server check inter 250 fastinter 100 downinter 250 fall 2 rise 1 on-marked-down shutdown-sessions',
    ...servers,
    '',
  ].join('\n')
}

/** What haproxy answers to one command at its socket. */
function ask(socket: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const connection = connect(socket, () => connection.end(`${command}\n`))
    connection.setEncoding('utf8')
    connection.on('data', (part: string) => {
      text += part
    })
    connection.once('error', reject)
    connection.once('close', () => resolve(text))
  })
}
