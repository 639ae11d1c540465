import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { client, ready } from '@serenity-kit/opaque'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer } from './compose.ts'
import { type Config, loadConfig } from './config.ts'
import { createTestDatabase, type TestDatabase } from './testing/test-database.ts'

const SELF_SIGNED =
  'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout - -out - -days 1 -subj /CN=localhost'.split(' ')

let folder: string
let test: TestDatabase
let config: Config
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'strongroom-compose-'))
  test = await createTestDatabase({ migrated: false })
  config = {
    ...loadConfig({ PORT: '0', LOG_LEVEL: 'silent', STRONGROOM_DATA: path.join(folder, 'data') }),
    databaseUrl: test.url,
  }
})
afterAll(async () => {
  await test.drop()
  await rm(folder, { recursive: true, force: true })
})

async function publicKey(url: string): Promise<string> {
  const answer = await fetch(`${url}/v1/info`)
  expect(answer.status).toBe(200)
  return ((await answer.json()) as { opaquePublicKey: string }).opaquePublicKey
}

describe('a server', () => {
  it('starts on an empty folder, stops, and starts again as the same one', async () => {
    const keys: string[] = []
    for (let times = 0; times < 2; times += 1) {
      const server = await startServer(config)
      expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
      keys.push(await publicKey(server.url))
      await Promise.all([server.close(), server.close()])
      await expect(fetch(server.url)).rejects.toThrow()
    }
    expect(keys[0]).toBe(keys[1])
  })

  it('keeps its data folder to itself', async () => {
    expect((await stat(config.dataDir)).mode & 0o077).toBe(0)
    expect((await stat(path.join(config.dataDir, 'keys.json'))).mode & 0o077).toBe(0)
    expect((await readdir(config.dataDir)).sort()).toEqual(['blobs', 'keys.json'])
  })

  it('answers running requests before it ends', async () => {
    const server = await startServer(config)
    const { port } = new URL(server.url)
    const socket = connect(Number(port), '127.0.0.1')
    const body = '{"login":"ann","request":"AAAA"}'
    let answer = ''
    socket.setEncoding('utf8').on('data', (text: string) => {
      answer += text
    })
    const ended = new Promise((resolve) => socket.once('close', resolve))
    socket.write(
      `POST /v1/login/start HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
    )
    await new Promise((resolve) => setTimeout(resolve, 100))
    const closed = server.close()
    await new Promise((resolve) => setTimeout(resolve, 100))
    socket.write(body)
    await closed
    await ended
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer).toContain('bad_request')
  })

  it('uses up a login state that another instance on the same database made', async () => {
    const [one, two] = [await startServer(config), await startServer(config)]
    try {
      const post = async (url: string, path: string, body: object) => {
        const answer = await fetch(`${url}${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        })
        return { status: answer.status, body: (await answer.json()) as { loginId?: string; code?: string } }
      }
      await ready
      const { startLoginRequest } = client.startLogin({ password: 'x' })
      const started = await post(one.url, '/v1/login/start', { login: 'ann', request: startLoginRequest })
      expect(started.status).toBe(200)
      const third = { loginId: started.body.loginId, request: Buffer.alloc(64).toString('base64url') }
      expect(await test.database.selectFrom('login_states').select('id').execute()).toHaveLength(1)
      expect(await post(two.url, '/v1/login/finish', third)).toMatchObject({
        status: 401,
        body: { code: 'login_failed' },
      })
      expect(await test.database.selectFrom('login_states').select('id').execute()).toHaveLength(0)
      expect(await publicKey(one.url)).toBe(await publicKey(two.url))
    } finally {
      await Promise.all([one.close(), two.close()])
    }
  })

  it('that can not start closes what it had opened and says why in one line', async () => {
    const server = await startServer(config)
    const { port } = new URL(server.url)
    await expect(startServer({ ...config, port: Number(port) })).rejects.toThrow(/EADDRINUSE/)
    await expect(startServer({ ...config, tls: { certFile: '/nowhere', keyFile: '/nowhere' } })).rejects.toThrow(
      /^TLS_CERT /,
    )
    await server.close()
    const unreachable = { ...config, databaseUrl: 'postgres://127.0.0.1:1/none' }
    await expect(startServer(unreachable)).rejects.toThrow()
  })

  it('refuses certificates and keys that do not fit, and names the variable', async () => {
    const files = { certFile: path.join(folder, 'cert.pem'), keyFile: path.join(folder, 'key.pem') }
    const refused = (message: RegExp) => expect(startServer({ ...config, tls: files })).rejects.toThrow(message)
    await writeFile(files.certFile, 'no certificate')
    await writeFile(files.keyFile, 'no key')
    await refused(/^TLS_CERT holds no certificate/)
    const { status, stdout } = spawnSync('openssl', SELF_SIGNED)
    if (status !== 0) return
    await writeFile(files.certFile, stdout)
    await refused(/^TLS_KEY holds no private key/)
    const { privateKey } = generateKeyPairSync('ed25519')
    await writeFile(files.keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }))
    await refused(/^TLS_KEY is not the key/)
  })

  it('answers what is no HTTP with 400 and closes', async () => {
    const server = await startServer(config)
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    const answer = await new Promise<string>((resolve) => {
      let text = ''
      socket.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      socket.once('close', () => resolve(text))
      socket.write('this is no HTTP\r\n\r\n')
    })
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    await server.close()
  })
})
