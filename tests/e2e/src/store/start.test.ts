import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice } from '../../../dev-env/cli.ts'
import { type TestBucket, useBucket } from '../../../dev-env/engines/bucket.ts'
import { isLeftOut } from '../../../dev-env/engines/install.ts'
import { DevServerError, startDevServer } from '../../../dev-env/server.ts'

describe.skipIf(isLeftOut('ceph'))('a server whose blobs lie in a bucket', () => {
  let bucket: TestBucket
  let folder: string
  beforeAll(async () => {
    bucket = await useBucket()
    folder = await mkdtemp(join(tmpdir(), 'strongroom-start-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  /** The one line with which a start ends that fails. */
  async function refusal(env: Record<string, string>, dataDir?: string): Promise<string> {
    const options = {
      env: { BLOB_URL: bucket.url(), ...bucket.env, ...env },
      ...(dataDir === undefined ? {} : { dataDir }),
    }
    const failure = await startDevServer(options).catch((error: unknown) => error)
    if (!(failure instanceof DevServerError)) {
      await (failure as { stop(): Promise<unknown> }).stop()
      throw new Error('the server started')
    }
    expect(failure.exitCode).not.toBe(0)
    expect(failure.output.trim().split('\n')).toHaveLength(1)
    for (const secret of [bucket.env.AWS_SECRET_ACCESS_KEY, bucket.env.AWS_ACCESS_KEY_ID, 'X-Amz', 'at ']) {
      if (secret !== 'at ') expect(failure.output).not.toContain(secret)
      else expect(failure.output).not.toMatch(/^\s+at /m)
    }
    return failure.output
  }

  it('says in one line why it does not start', async () => {
    expect(await refusal({ AWS_SECRET_ACCESS_KEY: 'wrong' })).toMatch(/refuses the AWS credentials of this server/)
    expect(await refusal({ AWS_ACCESS_KEY_ID: 'wrong' })).toMatch(/refuses the AWS credentials of this server/)
    const none = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AWS_EC2_METADATA_DISABLED: 'true', HOME: folder }
    expect(await refusal(none)).toMatch(/no AWS credentials were found/)
    const missing = bucket.url().replace(bucket.raw.name, 'there-is-no-such-bucket')
    expect(await refusal({ BLOB_URL: missing })).toMatch(/does not exist: make it first/)
    const away = bucket.url({ endpoint: 'http://127.0.0.1:9' })
    expect(await refusal({ BLOB_URL: away })).toMatch(/nothing listens there/)
    expect(await refusal({ BLOB_URL: `s3://${bucket.raw.name}`, HOME: folder, AWS_REGION: '' })).toMatch(
      /names no region/,
    )
    expect(await refusal({ BLOB_URL: 's3://bucket?secret=1' })).toMatch(/BLOB_URL has a parameter other than/)
    expect(await refusal({ BLOB_TRANSFER: 'sideways' })).toMatch(/BLOB_TRANSFER must be direct or proxy/)
  })

  it('does not begin anew beside blobs whose database is gone', async () => {
    const dataDir = join(folder, 'data')
    const env = { BLOB_URL: bucket.url({ prefix: 'kept' }), ...bucket.env, PUBLIC_URL: 'https://files.example.org' }
    const server = await startDevServer({ dataDir, env })
    await using device = await CliDevice.create(server.url)
    await device.register('ann@example.org')
    expect(server.logs()).toMatch(/endpoint of BLOB_URL is plain HTTP while pages are served by HTTPS/)
    expect(server.logs()).not.toContain(bucket.env.AWS_SECRET_ACCESS_KEY)
    await server.stop()
    await rm(join(dataDir, 'postgres'), { recursive: true })
    expect(await refusal({ BLOB_URL: bucket.url({ prefix: 'kept' }) }, dataDir)).toMatch(
      /bucket of BLOB_URL has blobs of a server, but the data folder has no database/,
    )
  })
})
