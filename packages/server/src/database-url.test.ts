import { describe, expect, it } from 'vitest'
import { databaseConnection } from './database-url.ts'

describe('a DATABASE_URL', () => {
  it('has the certificate of the server checked by whichever mode of TLS it names', () => {
    for (const mode of ['prefer', 'require', 'verify-ca', 'verify-full']) {
      expect(databaseConnection(`postgres://db.example/x?sslmode=${mode}&application_name=a`)).toEqual({
        connectionString: 'postgres://db.example/x?sslmode=verify-full&application_name=a',
      })
    }
    expect(databaseConnection('postgres://db.example/x?sslmode=no-verify').connectionString).toMatch(/no-verify$/)
    expect(databaseConnection('postgres:///x?host=/run/postgresql').connectionString).toBe(
      'postgres:///x?host=/run/postgresql',
    )
  })

  it('is refused without a word of it, where it cannot be used', () => {
    for (const url of [
      'postgres://secret@db.example/x?sslmode=secret',
      'postgres://db.example/x?sslmode=verify-full&sslrootcert=/secret/root.pem',
    ]) {
      expect(() => databaseConnection(url), url).toThrow(expect.objectContaining({ name: 'DatabaseUrlError' }))
      expect(() => databaseConnection(url), url).not.toThrow(/secret|\n/)
    }
  })
})
