import pg from 'pg'
import { type KmsDouble, startKmsDouble } from '../kms-double/server.ts'
import { type TestBucket, useBucket } from './bucket.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { type DebianPostgres, startDebianPostgres } from './postgres-debian.ts'

/** The engines of a company and servers on them, with room for something in between. */
export interface Company extends AsyncDisposable {
  readonly postgres: DebianPostgres
  /** Of the database `strongroom`, past whatever lies in between. */
  readonly databaseUrl: string
  readonly bucket: TestBucket
  readonly kms: KmsDouble
  readonly cluster: Cluster
}

export interface CompanyOptions {
  /** Port at which servers find the database; default its own. */
  readonly databasePort?: (own: number) => Promise<number>
  /** Origin at which clients and servers find the bucket; default its own. */
  readonly storeEndpoint?: (own: string) => Promise<string>
  /** Settings of the servers. */
  readonly env?: Readonly<Record<string, string>>
}

/** Two servers behind haproxy on PostgreSQL 15, a bucket of Ceph and the double of AWS KMS. */
export async function openCompany(options: CompanyOptions = {}): Promise<Company> {
  const { databasePort = async (own) => own, storeEndpoint = async (own) => own } = options
  const closers: (() => Promise<unknown> | unknown)[] = []
  const closeAll = async () => {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close()
  }
  try {
    const bucket = await useBucket()
    closers.push(() => bucket.raw.close())
    const postgres = await startDebianPostgres()
    closers.push(() => postgres.close())
    await makeDatabase(postgres)
    const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = bucket.env
    const kms = await startKmsDouble({ also: { accessKeyId, secretAccessKey } })
    closers.push(() => kms.close())
    const databaseUrl = postgres.url('strongroom')
    const port = await databasePort(postgres.port)
    const cluster = await startCluster({
      database: databaseUrl.replace(`:${postgres.port}/`, `:${port}/`),
      blobs: bucket.url({ endpoint: await storeEndpoint(bucket.ceph.endpoint) }),
      kms: `awskms://eu-central-1/alias/strongroom?endpoint=${kms.url}`,
      env: { ...bucket.env, ...options.env },
    })
    closers.push(() => cluster.close())
    return { postgres, databaseUrl, bucket, kms, cluster, [Symbol.asyncDispose]: closeAll }
  } catch (error) {
    await closeAll()
    throw error
  }
}

async function makeDatabase(postgres: DebianPostgres): Promise<void> {
  const client = new pg.Client({ connectionString: postgres.url() })
  await client.connect()
  await client.query('CREATE DATABASE strongroom TEMPLATE template0')
  await client.end()
}
