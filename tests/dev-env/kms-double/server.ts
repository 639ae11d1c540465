import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AwsError } from './errors.ts'
import { KeyStore } from './keys.ts'
import { OPERATIONS } from './operations.ts'
import { verifySignature } from './signature.ts'

/**
 * What can go wrong: an error as AWS answers it (`throttle`, `internal`, `down` 503, `denied`), or on the way: `stall` (no
 * answer), `slow-body` (headers, then nothing), `reset` (before it is carried out), `lost` (after it was), `half` (a cut
 * answer), `garbage` (200 with something else).
 */
export type Fault =
  | 'throttle'
  | 'internal'
  | 'down'
  | 'denied'
  | 'stall'
  | 'slow-body'
  | 'reset'
  | 'lost'
  | 'half'
  | 'garbage'

const ERRORS: Partial<Record<Fault, AwsError>> = {
  throttle: new AwsError('ThrottlingException', 'Rate exceeded'),
  internal: new AwsError('KMSInternalException', '', 500),
  down: new AwsError('ServiceUnavailable', '', 503),
  denied: new AwsError('AccessDeniedException', 'not authorized'),
}

/** A fault for the next `count` requests, of one operation or all. */
export interface FaultRule {
  readonly fault: Fault
  readonly count?: number
  readonly operation?: string
}

export interface KmsDouble {
  readonly url: string
  readonly store: KeyStore
  /** Requests carried out, by operation. */
  readonly calls: ReadonlyMap<string, number>
  /** Answers that were begun, do not end, and whose callers are still connected. */
  readonly endless: () => number
  fail(rule: FaultRule): void
  heal(): void
  close(): Promise<void>
}

export interface Identity {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** The identity that the double knows. */
export const CREDENTIALS: Identity = { accessKeyId: 'AKIADOUBLE', secretAccessKey: 'a-secret-of-the-double' }

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(Buffer.from(piece as Uint8Array))
  return Buffer.concat(pieces)
}

function answer(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': randomUUID() })
  response.end(JSON.stringify(value))
}

/**
 * Starts a KMS on a loopback port that speaks AWS JSON 1.1 and enforces the semantics of AWS KMS that Strongroom relies
 * on. `POST /control` takes `{fail}`, `{heal}` or `{advanceMs}`, for tests in other processes.
 *
 * @param options.also - one more identity that it knows: of a store, say, whose users have one for both
 */
export async function startKmsDouble(
  options: { region?: string; port?: number; also?: Identity } = {},
): Promise<KmsDouble> {
  const store = new KeyStore(options.region ?? 'eu-central-1')
  const secrets = new Map(
    [CREDENTIALS, options.also ?? CREDENTIALS].map((identity) => [identity.accessKeyId, identity.secretAccessKey]),
  )
  const calls = new Map<string, number>()
  let endless = 0
  let rules: { fault: Fault; left: number; operation: string | undefined }[] = []

  function faultOf(operation: string): Fault | null {
    const rule = rules.find((one) => one.left > 0 && (one.operation === undefined || one.operation === operation))
    if (rule === undefined) return null
    rule.left -= 1
    return rule.fault
  }

  function carryOut(request: IncomingMessage, body: Buffer): { operation: string; run: () => unknown } {
    const place = { region: store.region, nowMs: Date.now() }
    const { method = '', url: target = '', headers } = request
    verifySignature({ method, target, headers, body }, secrets, place)
    if (headers['content-type'] !== 'application/x-amz-json-1.1') throw new AwsError('UnknownOperationException')
    const operation = /^TrentService\.([A-Za-z]+)$/.exec(String(headers['x-amz-target']))?.[1] ?? ''
    const known = OPERATIONS[operation]
    if (known === undefined) throw new AwsError('UnknownOperationException')
    const run = () => {
      calls.set(operation, (calls.get(operation) ?? 0) + 1)
      return known(store, JSON.parse(body.toString('utf8')))
    }
    return { operation, run }
  }

  function serve(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const { operation, run } = carryOut(request, body)
    const fault = faultOf(operation)
    const error = fault === null ? undefined : ERRORS[fault]
    if (error !== undefined) throw error
    switch (fault) {
      case null:
        answer(response, 200, run())
        return
      case 'stall':
        return
      case 'reset':
        request.socket.destroy()
        return
      case 'lost':
        run()
        request.socket.destroy()
        return
      case 'garbage':
        answer(response, 200, ['<html>'])
        return
      case 'slow-body':
        response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1', 'content-length': '500' })
        response.write('{')
        endless += 1
        response.once('close', () => {
          endless -= 1
        })
        return
      default: {
        const text = JSON.stringify(run())
        response.writeHead(200, {
          'content-type': 'application/x-amz-json-1.1',
          'content-length': String(text.length),
        })
        response.write(text.slice(0, text.length / 2), () => request.socket.destroy())
      }
    }
  }

  function control(body: Buffer): void {
    const order = JSON.parse(body.toString('utf8'))
    if (order.fail !== undefined) fail(order.fail)
    if (order.heal === true) rules = []
    if (order.advanceMs !== undefined) store.advance(order.advanceMs)
  }

  function fail(rule: FaultRule): void {
    rules.push({ fault: rule.fault, left: rule.count ?? Number.POSITIVE_INFINITY, operation: rule.operation })
  }

  const server = createServer((request, response) => {
    void (async () => {
      const body = await readBody(request)
      try {
        if (request.url === '/control') {
          control(body)
          answer(response, 200, { keys: store.keyCount, calls: Object.fromEntries(calls) })
        } else serve(request, response, body)
      } catch (error) {
        const known = error instanceof AwsError ? error : new AwsError('SerializationException')
        answer(response, known.status, { __type: known.type, message: known.message })
      }
    })().catch(() => request.socket.destroy())
  })
  server.listen(options.port ?? 0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    store,
    calls,
    endless: () => endless,
    fail,
    heal: () => {
      rules = []
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
