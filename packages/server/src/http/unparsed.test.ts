import { connect } from 'node:net'
import { ERRORS } from '@strongroom/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestServer, type TestServer } from '../testing/test-server.ts'

let server: TestServer
let port: number
beforeAll(async () => {
  server = await createTestServer()
  port = Number(new URL(await server.app.listen({ host: '127.0.0.1', port: 0 })).port)
})
afterAll(() => server.close())

/** All that comes back for these bytes until the server ends the connection. */
function send(bytes: string): Promise<string> {
  return new Promise((done, failed) => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    socket.setEncoding('latin1').on('data', (chunk) => {
      text += chunk
    })
    socket.once('close', () => done(text))
    socket.once('error', failed)
  })
}

const UNPARSED: Readonly<Record<string, readonly [status: number, bytes: string]>> = {
  'no HTTP': [400, 'GARBAGE\r\n\r\n'],
  'a method that nobody knows': [400, 'FOO / HTTP/1.1\r\nHost: x\r\n\r\n'],
  'two lengths of a body': [
    400,
    'POST /v1/login/start HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n',
  ],
  'headers without end': [431, `GET / HTTP/1.1\r\nHost: x\r\nCookie: ${'a'.repeat(20_000)}\r\n\r\n`],
}

describe('what the parser refuses', () => {
  it.each(Object.keys(UNPARSED))('is answered as any other bad request: %s', async (name) => {
    const [status, bytes] = UNPARSED[name] ?? [0, '']
    const [head = '', body = ''] = (await send(bytes)).split('\r\n\r\n')
    const [first, ...lines] = head.split('\r\n')
    expect(first).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    const headers = new Headers(lines.map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]))
    const like = (await server.app.inject({ method: 'GET', url: '/nowhere' })).headers
    const own = ['x-request-id', 'content-length', 'date', 'connection']
    for (const header of Object.keys(like).filter((one) => !own.includes(one))) {
      expect(headers.get(header), header).toBe(String(like[header]))
    }
    const { requestId, ...rest } = JSON.parse(body)
    expect(rest).toEqual({ code: 'bad_request', message: ERRORS.bad_request.advice })
    expect(requestId).toBe(headers.get('x-request-id'))
  })
})
