import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { type Config, isLoopback } from '../config.ts'
import type { Notes } from './check.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const RENEW_DAYS = 14

/** Settings that hang together: how clients reach the server, who may register, what a restore would find. */
export async function checkSettings(config: Config, nowMs: number, notes: Notes): Promise<void> {
  const beyond = !isLoopback(config.host) || isPublic(config.publicUrl)
  checkAddress(config, beyond, notes)
  if (config.tls !== null) await checkCertificate(config, config.tls.certFile, nowMs, notes)
  if (config.registration === 'open' && beyond) {
    notes.warn(
      'settings.registration',
      'anyone who reaches the server may make an account',
      'set REGISTRATION=invite and give out codes by "strongroom admin invite"',
    )
  } else notes.ok('settings.registration', `registration is ${config.registration}`)
  const graceDays = Math.round(config.retention.graceMs / DAY_MS)
  notes.ok(
    'settings.restore-window',
    `deleted content stays ${graceDays} days: a database that is older must not be restored (RESTORE_WINDOW_DAYS)`,
  )
}

function isPublic(url: string | null): boolean {
  return url !== null && !isLoopback(new URL(url).hostname)
}

function checkAddress(config: Config, beyond: boolean, notes: Notes): void {
  const { publicUrl } = config
  if (publicUrl === null && beyond) {
    notes.warn(
      'settings.public-url',
      'PUBLIC_URL is not set',
      'set it to the address at which users open Strongroom: the check of origins and the rules of the bucket need it',
    )
  } else if (publicUrl === null) notes.ok('settings.public-url', 'the server listens on this machine alone')
  else if (publicUrl.startsWith('http:') && isPublic(publicUrl)) {
    notes.fail(
      'settings.public-url',
      'PUBLIC_URL is plain HTTP: browsers refuse to encrypt there, and session tokens can be read on the way',
      'serve HTTPS by TLS_CERT and TLS_KEY or a TLS proxy, and set PUBLIC_URL to https://…',
    )
  } else notes.ok('settings.public-url', `clients come by ${publicUrl}`)
  if (publicUrl?.startsWith('https:') && config.tls === null && config.trustedProxies.length === 0) {
    notes.warn(
      'settings.proxies',
      'a proxy seems to end TLS, and TRUSTED_PROXIES is not set: all clients count as one address',
      "set TRUSTED_PROXIES to the proxy's address",
    )
  }
}

async function checkCertificate(config: Config, file: string, nowMs: number, notes: Notes): Promise<void> {
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(await readFile(file))
  } catch {
    return notes.fail('settings.certificate', 'TLS_CERT cannot be read as a certificate', 'name a PEM file of a chain')
  }
  const days = Math.floor((Date.parse(certificate.validTo) - nowMs) / DAY_MS)
  const renew = 'renew it, and restart the servers: it is read at the start'
  if (days < 0) notes.fail('settings.certificate', 'the certificate has expired', renew)
  else if (days < RENEW_DAYS) notes.warn('settings.certificate', `the certificate ends in ${days} days`, renew)
  else notes.ok('settings.certificate', `the certificate is good for ${days} days`)
  const host = config.publicUrl === null ? null : new URL(config.publicUrl).hostname
  if (host !== null && certificate.checkHost(host) === undefined) {
    notes.fail('settings.certificate-name', 'the certificate does not name the host of PUBLIC_URL', 'get one that does')
  }
}
