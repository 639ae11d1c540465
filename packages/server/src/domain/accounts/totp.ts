import { verifySync } from 'otplib/functional'

/** Length of a TOTP secret: that of SHA-1's output, as RFC 4226 §4 recommends. */
export const TOTP_SECRET_LENGTH = 20
const STEP_SECONDS = 30

/**
 * The time step that a TOTP code of six digits (RFC 6238, SHA-1, 30 s) is right for, within one step of now; null where
 * it is wrong. Whether the step was used before is for the caller to find out.
 */
export function totpStep(secret: Uint8Array, code: string, nowMs: number): number | null {
  // The library throws at anything else.
  if (!/^[0-9]{6}$/.test(code)) return null
  const result = verifySync({
    secret,
    token: code,
    epoch: Math.floor(nowMs / 1000),
    epochTolerance: STEP_SECONDS,
    period: STEP_SECONDS,
    digits: 6,
    algorithm: 'sha1',
    strategy: 'totp',
  })
  // The type allows for HOTP, which has no time steps.
  return result.valid && 'timeStep' in result ? result.timeStep : null
}
