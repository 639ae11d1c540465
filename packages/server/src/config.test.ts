import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { CONFIG, loadConfig } from './config.ts'

describe('configuration', () => {
  it('needs nothing: an embedded server on loopback', () => {
    expect(loadConfig({})).toEqual({
      port: 8787,
      host: '127.0.0.1',
      dataDir: path.resolve('data'),
      databaseUrl: null,
      databasePool: 16,
      blobs: { kind: 'file', folder: path.resolve('data/blobs') },
      blobTransfer: 'direct',
      kms: { kind: 'file', file: path.resolve('data/keys.json') },
      keyScope: 'shared',
      publicUrl: null,
      trustedProxies: [],
      tls: null,
      registration: 'open',
      quotaBytes: 2 ** 40,
      loginAttemptsPerMinute: 300,
      retention: { graceMs: 604_800_000, uploadIdleMs: 604_800_000 },
      drainMs: 0,
      metrics: null,
      logLevel: 'info',
    })
  })

  it('closes registration beyond loopback unless told otherwise', () => {
    expect(loadConfig({ HOST: '0.0.0.0' }).registration).toBe('closed')
    expect(loadConfig({ HOST: '0.0.0.0', REGISTRATION: 'open' }).registration).toBe('open')
    expect(loadConfig({ HOST: '127.0.0.1', REGISTRATION: 'invite' }).registration).toBe('invite')
    expect(loadConfig({ HOST: '::1' }).registration).toBe('open')
  })

  it('takes what is given, and empty variables as not given', () => {
    const config = loadConfig({
      PORT: '0',
      DATABASE_URL: 'postgres://user@db.example/strongroom',
      BLOB_URL: 'file:///srv/blobs',
      KMS_URL: 'file:///srv/keys.json',
      PUBLIC_URL: 'https://Files.example.org/',
      TRUSTED_PROXIES: '10.0.0.0/8, ::1',
      TLS_CERT: '',
      UNRELATED: 'x',
    })
    expect(config).toMatchObject({
      port: 0,
      databaseUrl: 'postgres://user@db.example/strongroom',
      blobs: { kind: 'file', folder: '/srv/blobs' },
      kms: { kind: 'file', file: '/srv/keys.json' },
      publicUrl: 'https://files.example.org',
      trustedProxies: ['10.0.0.0/8', '::1'],
      tls: null,
    })
  })

  it('refuses with one line that names the variable and never repeats the value', () => {
    const cases: Record<string, string> = {
      PORT: '70000',
      DATABASE_URL: 'mysql://secret@db',
      DATABASE_POOL: 'secret',
      BLOB_URL: 's3://files?secret',
      BLOB_TRANSFER: 'secret',
      KMS_URL: 'awskms://secret',
      KMS_KEY_SCOPE: 'secret',
      PUBLIC_URL: 'https://secret.example/path',
      TRUSTED_PROXIES: 'secret',
      TLS_CERT: '/secret.pem',
      REGISTRATION: 'secret',
      QUOTA_BYTES: '-1',
      BLOB_GRACE_DAYS: '0',
      RESTORE_WINDOW_DAYS: 'secret',
      UPLOAD_IDLE_DAYS: '0',
      LOGIN_ATTEMPTS_PER_MINUTE: '0',
      DRAIN_SECONDS: 'secret',
      METRICS_ADDRESS: 'secret',
      LOG_LEVEL: 'secret',
    }
    for (const [name, value] of Object.entries(cases)) {
      const given = name === 'TLS_CERT' ? 'TLS_KEY' : name
      expect(() => loadConfig({ [name]: value }), name).toThrow(new RegExp(`^${given} [^\\n]+$`))
      expect(() => loadConfig({ [name]: value }), name).not.toThrow(/secret/)
    }
  })

  it('never lets the grace of blobs be shorter than the restore window', () => {
    const graceDays = (env: Record<string, string>) => loadConfig(env).retention.graceMs / 86_400_000
    expect(graceDays({ BLOB_GRACE_DAYS: '3' })).toBe(3)
    expect(graceDays({ BLOB_GRACE_DAYS: '3', RESTORE_WINDOW_DAYS: '30' })).toBe(30)
    expect(graceDays({ BLOB_GRACE_DAYS: '60', RESTORE_WINDOW_DAYS: '30' })).toBe(60)
  })

  it('describes every variable', () => {
    for (const [name, schema] of Object.entries(CONFIG.shape)) expect(schema.description, name).toMatch(/^[A-Z].*\.$/)
  })
})
