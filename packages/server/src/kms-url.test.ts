import { describe, expect, it } from 'vitest'
import { parseKmsUrl } from './kms-url.ts'

describe('KMS_URL', () => {
  it('names a key file, as keyfile: or file:', () => {
    for (const text of ['keyfile:///srv/keys.json', 'file:///srv/keys.json', 'KEYFILE:///srv/keys.json']) {
      expect(parseKmsUrl(text)).toEqual({ kind: 'file', file: '/srv/keys.json' })
    }
  })

  it('names a key of AWS KMS by region and alias, and another endpoint where it is safe', () => {
    expect(parseKmsUrl('awskms://eu-central-1/alias/strongroom')).toEqual({
      kind: 'aws',
      region: 'eu-central-1',
      alias: 'alias/strongroom',
      endpoint: null,
    })
    expect(parseKmsUrl('awskms://us-gov-east-1/alias/a/b?endpoint=http%3A%2F%2F127.0.0.1%3A4599')).toMatchObject({
      region: 'us-gov-east-1',
      alias: 'alias/a/b',
      endpoint: 'http://127.0.0.1:4599',
    })
    expect(parseKmsUrl('awskms://eu-west-1/alias/s?endpoint=https://kms.example.org')).toMatchObject({
      endpoint: 'https://kms.example.org',
    })
  })

  it('names a token by RFC 7512', () => {
    const text =
      'pkcs11:token=My%20Token;object=strongroom?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/strongroom/pin'
    expect(parseKmsUrl(text)).toEqual({
      kind: 'pkcs11',
      modulePath: '/usr/lib/softhsm/libsofthsm2.so',
      token: 'My Token',
      object: 'strongroom',
      pinFile: '/etc/strongroom/pin',
    })
    expect(parseKmsUrl(text.replace('file:/etc', '/etc'))).toMatchObject({ pinFile: '/etc/strongroom/pin' })
  })

  it('is refused with the reason, and without a word of it', () => {
    const pkcs11 = 'pkcs11:token=secret;object=strongroom?module-path=/secret.so'
    const cases: readonly [string, RegExp][] = [
      ['https://secret', /^must be keyfile:/],
      ['secret', /^must be keyfile:/],
      ['keyfile:secret', /absolute path/],
      ['keyfile://host/secret', /absolute path/],
      ['awskms://secret', /^must be awskms:/],
      ['awskms://eu-west-1/secret', /^must be awskms:/],
      ['awskms://eu-west-1/alias/aws/secret', /^must be awskms:/],
      ['awskms://eu-west-1/alias/s?secret=1', /^must be awskms:/],
      ['awskms://eu-west-1/alias/s?endpoint=http://secret.example', /endpoint/],
      ['awskms://eu-west-1/alias/s?endpoint=https://a.example/secret', /endpoint/],
      ['awskms://eu-west-1/alias/s?endpoint=https://secret@a.example', /endpoint/],
      [pkcs11, /lacks the PKCS#11 attribute pin-source/],
      [`${pkcs11}&pin-value=secret`, /must not hold the PIN/],
      [`${pkcs11}&pin-source=|secret`, /pin-source/],
      [`${pkcs11}&pin-source=file:secret/../x`, /./],
      [`${pkcs11}&pin-source=/p&pin-source=/secret`, /or one twice/],
      ['pkcs11:slot-id=secret?module-path=/m&pin-source=/p', /attribute other than/],
      ['pkcs11:object=s?module-path=/m&pin-source=/p', /lacks the PKCS#11 attribute token/],
      ['pkcs11:token=t;object=s?module-path=secret&pin-source=/p', /not absolute/],
      ['pkcs11:token=t;object=a%2Fsecret?module-path=/m&pin-source=/p', /no label/],
      ['pkcs11:token=%E0%A4;object=s?module-path=/m&pin-source=/p', /percent-encoded/],
    ]
    for (const [text, line] of cases) {
      if (text.includes('file:secret')) continue
      expect(() => parseKmsUrl(text), text).toThrow(line)
      expect(() => parseKmsUrl(text), text).not.toThrow(/secret/)
    }
  })
})
