import { type CryptoEngine, fromHex, toHex } from '@strongroom/crypto'
import { LIMITS } from '@strongroom/protocol'
import { ClientError } from '../errors.ts'
import { apiCode } from '../transport/api.ts'
import { type ProofContext, provePassword } from './prove-password.ts'
import { secondFactorError } from './second-factor.ts'
import type { SecondFactor } from './types.ts'

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const CODE_LENGTH = 10
const ISSUER = 'Strongroom'

/** @param context - asked for anew at each call, because the login name may change */
export function secondFactor(context: () => ProofContext): SecondFactor {
  return {
    async status(options) {
      return await context().api.call('secondFactorRead', { signal: options?.signal })
    },
    async begin({ password, signal }) {
      const { proof } = await proved(context(), password, signal)
      const { api, login } = context()
      const body = { proof }
      const begun = await api.call('secondFactorBegin', { body, signal, retry: false }).catch(wrongState)
      const secret = base32(begun.secret)
      return { enrolmentId: toHex(begun.enrolmentId), secret, uri: otpauth(login, secret) }
    },
    generateBackupCodes: () => generateBackupCodes(context().platform.engine),
    async confirm({ enrolmentId, code, backupCodes, signal }) {
      if (!/^[0-9a-f]{32}$/.test(enrolmentId)) throw new ClientError('usage', 'That is no id of a set-up.')
      const body = { enrolmentId: fromHex(enrolmentId), code, backupCodes: backupCodes.map(plain) }
      await context().api.call('secondFactorConfirm', { body, signal }).catch(wrongState)
    },
    async disable({ password, code, signal }) {
      const { proof } = await proved(context(), password, signal)
      const { api } = context()
      // Not repeated by itself: the proof works once, and where it is off already nothing is asked.
      await api.call('secondFactorDisable', { body: { proof, code }, signal, retry: false }).catch(wrongState)
    },
    async replaceBackupCodes({ code, backupCodes, signal }) {
      const body = { code, backupCodes: backupCodes.map(plain) }
      await context().api.call('secondFactorCodes', { body, signal }).catch(wrongState)
    },
  }
}

async function proved(context: ProofContext, password: string, signal: AbortSignal | undefined) {
  const { proof, exportKey } = await provePassword(context, password, signal)
  exportKey.dispose()
  return { proof }
}

function wrongState(error: unknown): never {
  const code = apiCode(error)
  if (code === 'second_factor_failed') throw secondFactorError('second_factor_failed', error)
  if (code === 'second_factor_conflict') {
    const message = 'The second factor is on already, is off, or was set up anew elsewhere.'
    throw new ClientError('conflict', message, { cause: error, details: { reason: 'second_factor_conflict' } })
  }
  throw error
}

/** Ten codes of 50 random bits, in two groups of five. */
function generateBackupCodes(engine: CryptoEngine): string[] {
  return Array.from({ length: LIMITS.backupCodes }, () => {
    // 32 letters, so each byte's low five bits are one letter and none is likelier than another.
    const letters = [...engine.randomBytes(CODE_LENGTH)].map((byte) => CROCKFORD.charAt(byte & 31)).join('')
    return `${letters.slice(0, 5)}-${letters.slice(5)}`
  })
}

function plain(code: string): string {
  return code.replaceAll('-', '')
}

/** RFC 4648 base32 of a multiple of five bytes, as authenticators take secrets. */
function base32(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length * 8; at += 5) {
    const [high = 0, low = 0] = bytes.subarray(at >> 3, (at >> 3) + 2)
    text += BASE32.charAt((((high << 8) | low) >> (11 - (at & 7))) & 31)
  }
  return text
}

/** What a QR code for authenticators says; the parameters that are left out are their defaults. */
function otpauth(login: string, secret: string): string {
  return `otpauth://totp/${ISSUER}:${encodeURIComponent(login)}?secret=${secret}&issuer=${ISSUER}`
}
