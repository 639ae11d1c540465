import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openPkcs11 } from '../../../packages/server/src/adapters/kms/pkcs11.ts'
import type { KeyManagement } from '../../../packages/server/src/ports/index.ts'
import { createSoftHsm, type SoftHsm, WITHOUT_HSM } from '../../dev-env/soft-hsm.ts'
import { keyManagementContract } from './key-management-contract.ts'

const CONTEXT = { purpose: 'test', account: 'a1' }
const SOURCE = fileURLToPath(new URL('../../../packages/server/src/adapters/kms/pkcs11-process.ts', import.meta.url))
// Inside the checkout, where the program finds its packages.
const OUT = fileURLToPath(new URL(`../../../artifacts/pkcs11-${process.pid}/`, import.meta.url))
const program = pathToFileURL(path.join(OUT, 'pkcs11-process.mjs'))

/** Processes that this one has started. */
async function children(): Promise<number[]> {
  const text = await readFile(`/proc/self/task/${process.pid}/children`, 'utf8')
  const pids = text
    .trim()
    .split(' ')
    .filter((pid) => pid !== '')
    .map(Number)
  const commands = await Promise.all(
    pids.map(async (pid) => ({ pid, line: await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') })),
  )
  return commands.filter(({ line }) => line.includes('pkcs11-process')).map(({ pid }) => pid)
}

async function signalAll(signal: NodeJS.Signals): Promise<void> {
  for (const pid of await children()) process.kill(pid, signal)
}

describe.skipIf(WITHOUT_HSM)('with an HSM', () => {
  let before: string | undefined
  beforeAll(async () => {
    before = process.env.SOFTHSM2_CONF
    await mkdir(OUT, { recursive: true })
    await build({
      entryPoints: [SOURCE],
      outdir: OUT,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      external: ['pkcs11js'],
      format: 'esm',
      platform: 'node',
      logLevel: 'error',
    })
  })
  afterAll(async () => {
    await rm(OUT, { recursive: true, force: true })
    if (before === undefined) delete process.env.SOFTHSM2_CONF
    else process.env.SOFTHSM2_CONF = before
  })

  function open(hsm: SoftHsm, clock = { nowMs: () => Date.now() }): Promise<KeyManagement> {
    process.env.SOFTHSM2_CONF = hsm.env.SOFTHSM2_CONF
    const { modulePath, token, pinFile } = hsm
    return openPkcs11({ modulePath, token, pinFile, object: 'strongroom', clock, program })
  }

  keyManagementContract('PKCS#11 (SoftHSM)', async () => {
    const hsm = await createSoftHsm()
    let offset = 0
    const opened: KeyManagement[] = []
    const reopen = async () => {
      const keys = await open(hsm, { nowMs: () => Date.now() + offset })
      opened.push(keys)
      return keys
    }
    return {
      keys: await reopen(),
      reopen,
      advance: (ms) => {
        offset += ms
      },
      outages: [
        { name: 'the library hangs', begin: () => signalAll('SIGSTOP'), end: async () => undefined },
        {
          name: 'the token is gone, and with it the session',
          begin: async () => {
            await rename(hsm.tokens, `${hsm.tokens}-away`)
            await signalAll('SIGKILL')
          },
          end: () => rename(`${hsm.tokens}-away`, hsm.tokens),
        },
      ],
      dispose: async () => {
        for (const keys of opened) await keys.close()
        await hsm.dispose()
      },
    }
  })

  describe('PKCS#11', () => {
    let hsm: SoftHsm
    beforeAll(async () => {
      hsm = await createSoftHsm()
    })
    afterAll(() => hsm.dispose())

    it('goes on after its process was killed', async () => {
      const keys = await open(hsm)
      const keyId = await keys.currentKeyId()
      const wrapped = await keys.wrap(keyId, randomBytes(32), CONTEXT)
      await signalAll('SIGKILL')
      await expect
        .poll(() =>
          keys.unwrap(wrapped, CONTEXT).then(
            () => 'open',
            () => 'away',
          ),
        )
        .toBe('open')
      await keys.close()
      expect(await children()).toEqual([])
    })

    it('leaves the event loop alone while the token is slow', async () => {
      const keys = await open(hsm)
      const keyId = await keys.currentKeyId()
      let longest = 0
      let last = performance.now()
      const timer = setInterval(() => {
        longest = Math.max(longest, performance.now() - last)
        last = performance.now()
      }, 5)
      await signalAll('SIGSTOP')
      const waiting = keys.wrap(keyId, randomBytes(32), CONTEXT)
      await new Promise((resolve) => setTimeout(resolve, 2500))
      await signalAll('SIGCONT')
      await waiting
      clearInterval(timer)
      // Where the loop waited for the token, it did so all the time; a busy machine makes it wait for a part of that.
      expect(longest).toBeLessThan(2000)
      await keys.close()
    })

    it('never tries a refused PIN again, and says so in one line', async () => {
      const wrong = path.join(path.dirname(hsm.pinFile), 'wrong')
      await writeFile(wrong, '1111\n', { mode: 0o600 })
      await expect(open({ ...hsm, pinFile: wrong })).rejects.toMatchObject({
        code: 'unavailable',
        message: 'The token refuses the PIN of pin-source (CKR_PIN_INCORRECT); it is not tried again.',
      })
      // A server at work, whose PIN was changed meanwhile, must not lock the token with its requests.
      const right = await readFile(hsm.pinFile, 'utf8')
      const changing = path.join(path.dirname(hsm.pinFile), 'changing')
      await writeFile(changing, right)
      const keys = await open({ ...hsm, pinFile: changing })
      await writeFile(changing, '1111\n')
      await signalAll('SIGKILL')
      await expect.poll(() => keys.check().catch((error: Error) => error.message)).toContain('refuses the PIN')
      await writeFile(changing, right)
      await new Promise((resolve) => setTimeout(resolve, 700))
      await expect(keys.check()).rejects.toThrow(/not tried again/)
      await keys.close()
    })

    it('says in one line what is wrong with token, library and PIN file', async () => {
      const cases: readonly [Partial<SoftHsm>, RegExp][] = [
        [{ token: 'other' }, /^No token has the label/],
        [{ modulePath: '/nowhere.so' }, /^The module-path of KMS_URL/],
        [{ pinFile: '/nowhere' }, /^The pin-source of KMS_URL/],
      ]
      for (const [change, line] of cases) {
        await expect(open({ ...hsm, ...change })).rejects.toMatchObject({ message: expect.stringMatching(line) })
      }
    })

    it('destroys what is due when it is opened, whoever asked for it', async () => {
      const keys = await open(hsm)
      const keyId = await keys.createKey('doomed')
      await keys.rotate(keyId)
      const wrapped = await keys.wrap(keyId, randomBytes(32), CONTEXT)
      await keys.scheduleDestruction(keyId, 7)
      await keys.close()
      const later = await open(hsm, { nowMs: () => Date.now() + 8 * 24 * 60 * 60 * 1000 })
      await expect
        .poll(() => later.keyState(keyId).catch((error: { code?: string }) => error.code))
        .toBe('key_not_found')
      await later.close()
      const now = await open(hsm)
      await expect(now.unwrap(wrapped, CONTEXT)).rejects.toMatchObject({ code: 'key_not_found' })
      await now.close()
    })

    it('makes keys that cannot be read out', async () => {
      const keys = await open(hsm)
      const keyId = await keys.createKey()
      await keys.close()
      const { default: pkcs11 } = await import('pkcs11js')
      const library = new pkcs11.PKCS11()
      library.load(hsm.modulePath)
      library.C_Initialize()
      const [slot] = library.C_GetSlotList(true)
      if (slot === undefined) throw new Error('no slot')
      const session = library.C_OpenSession(slot, pkcs11.CKF_SERIAL_SESSION)
      library.C_Login(session, pkcs11.CKU_USER, (await readFile(hsm.pinFile, 'utf8')).trim())
      const id = Buffer.concat([Buffer.from(keyId, 'hex'), Buffer.of(0, 0, 0, 1)])
      library.C_FindObjectsInit(session, [{ type: pkcs11.CKA_ID, value: id }])
      const [key] = library.C_FindObjects(session, 2)
      library.C_FindObjectsFinal(session)
      if (key === undefined) throw new Error('no key')
      expect(() => library.C_GetAttributeValue(session, key, [{ type: pkcs11.CKA_VALUE }])).toThrow(
        /CKR_ATTRIBUTE_SENSITIVE/,
      )
      expect(() => library.C_SetAttributeValue(session, key, [{ type: pkcs11.CKA_EXTRACTABLE, value: true }])).toThrow(
        /CKR_/,
      )
      library.C_Finalize()
      library.close()
    })
  })
})
