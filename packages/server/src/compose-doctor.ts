import { access } from 'node:fs/promises'
import { sql } from 'kysely'
import { callSocket, connectSocket } from './admin/connect.ts'
import { adminSocketOf } from './admin/socket-path.ts'
import type { BucketAddress } from './blob-url.ts'
import { openDatabase } from './compose-database.ts'
import { basics, type Opened, opened, openKeys, openStore } from './compose-services.ts'
import { type Config, loadConfig } from './config.ts'
import { openSignals } from './database/signals.ts'
import type { Database } from './database/tables.ts'
import { type Check, lineOf, type Notes, notes } from './doctor/check.ts'
import { checkClient } from './doctor/client.ts'
import { checkClocks, type OtherClock, readHttpClock } from './doctor/clock.ts'
import { checkDatabase } from './doctor/database.ts'
import { noteUnopened } from './doctor/database-reach.ts'
import { checkBackups, checkFiles } from './doctor/files.ts'
import { checkKeys } from './doctor/keys.ts'
import { type CorsRules, corsRules, type Policy, serverPolicy } from './doctor/policies.ts'
import { checkSettings } from './doctor/settings.ts'
import { checkSignals } from './doctor/signals.ts'
import { checkStore, isDenied } from './doctor/store.ts'
import { boundedKeys } from './domain/keys/bounded-keys.ts'
import type { BlobStore } from './ports/index.ts'

/** What a look at everything has found. */
export interface Diagnosis {
  readonly checks: readonly Check[]
  /** For the bucket; null without one. */
  readonly cors: CorsRules | null
  /** For the server's credentials; null where none are used. */
  readonly policy: Policy | null
}

const PASTE_POLICY = 'give the credentials the policy that is printed below'
const PASTE_CORS = 'give the bucket the CORS rules that are printed below (aws s3api put-bucket-cors)'

/**
 * Tries every engine that the settings name, as servers and as clients would. Leaves nothing behind but, at the first
 * look at a bucket, the small object that servers make there too.
 *
 * @param onCheck - told of each check as soon as it is done
 * @throws ConfigError
 */
export async function examine(
  env: Readonly<Record<string, string | undefined>>,
  onCheck: (check: Check) => void,
): Promise<Diagnosis> {
  const config = loadConfig(env)
  const checks: Check[] = []
  const take = notes((check) => {
    checks.push(check)
    onCheck(check)
  })
  const resources = opened()
  const clocks: (OtherClock | null)[] = []
  try {
    await checkSettings(config, Date.now(), take)
    await checkFiles(config, take)
    const known = await examineDatabase(config, resources, clocks, take)
    await examineKeys(config, resources, known.keyId, take)
    await examineStore(config, resources, { clocks, known }, take)
    checkClocks(
      clocks.filter((clock) => clock !== null),
      take,
    )
    checkBackups(config, take)
  } finally {
    await resources.closeAll()
  }
  const bucket = config.blobs.kind === 's3' ? config.blobs : null
  return {
    checks,
    cors: bucket === null ? null : corsRules(originOf(config) ?? 'https://files.example.org'),
    policy: bucket === null && config.kms.kind !== 'aws' ? null : serverPolicy(bucket, config.kms),
  }
}

/** From where browsers come. */
function originOf(config: Config): string | null {
  return config.publicUrl
}

/** What a database says of the other engines. */
interface Known {
  /** The key of the key service that is in use; null where that is not known. */
  readonly keyId: string | null
  readonly hasAccounts: boolean
}

const UNKNOWN: Known = { keyId: null, hasAccounts: false }

async function examineDatabase(
  config: Config,
  resources: Opened,
  clocks: (OtherClock | null)[],
  take: Notes,
): Promise<Known> {
  if (config.databaseUrl === null) return { ...UNKNOWN, keyId: await examineEmbedded(config, take) }
  try {
    const { database, connection } = await openDatabase(config, resources, basics({ logLevel: 'silent' }).logger)
    const theirMs = await checkDatabase(database, take, config.databasePool)
    clocks.push({ name: 'the database', theirMs, ownMs: Date.now() })
    const signals = openSignals(database, connection)
    await checkSignals(signals, take).finally(() => signals.close())
    return { keyId: await currentKey(database), hasAccounts: await hasAccounts(database) }
  } catch (error) {
    noteUnopened(error, take)
    return UNKNOWN
  }
}

/** Through the running server, which alone may open its database. */
async function examineEmbedded(config: Config, take: Notes): Promise<string | null> {
  try {
    const socket = await connectSocket(adminSocketOf(config.dataDir))
    const onItem = (item: unknown): void => {
      const { name, status, found, mend } = item as Check // as the operation declares it
      if (status === 'ok') take.ok(name, found)
      else take[status](name, found, mend)
    }
    const answer = await callSocket(socket, { operation: 'doctor', input: {} }, { onItem })
    return (answer as { keyId: string | null }).keyId // checked there
  } catch {
    take.warn(
      'database.reach',
      `no server runs on ${config.dataDir}: its embedded database was not looked at`,
      'start the server, and ask again',
    )
    return null
  }
}

async function currentKey(database: Database): Promise<string | null> {
  const there = await sql<{ found: boolean }>`SELECT to_regclass('kms_keys') IS NOT NULL AS found`.execute(database)
  if (there.rows[0]?.found !== true) return null
  const row = await database
    .selectFrom('kms_keys')
    .select('id')
    .where('state', '=', 'current')
    .where('account_id', 'is', null)
    .executeTakeFirst()
  return row?.id ?? null
}

async function hasAccounts(database: Database): Promise<boolean> {
  const there = await sql<{ found: boolean }>`SELECT to_regclass('accounts') IS NOT NULL AS found`.execute(database)
  if (there.rows[0]?.found !== true) return false
  return (await database.selectFrom('accounts').select('id').limit(1).executeTakeFirst()) !== undefined
}

async function examineKeys(config: Config, resources: Opened, keyId: string | null, take: Notes): Promise<void> {
  // What is absent would be made by opening it.
  if (config.kms.kind === 'file' && keyId === null) return
  try {
    const keys = boundedKeys(await openKeys(config.kms, basics({ logLevel: 'silent' }).clock))
    resources.push(() => keys.close())
    await checkKeys(keys, keyId, PASTE_POLICY, take)
  } catch (error) {
    take.fail('keys.reach', lineOf(error), 'see docs/kms.md')
  }
}

async function examineStore(
  config: Config,
  resources: Opened,
  { clocks, known }: { clocks: (OtherClock | null)[]; known: Known },
  take: Notes,
): Promise<void> {
  if (config.blobs.kind === 'file' && !(await isThere(config.blobs.folder))) {
    take.ok('store.reach', `there is no folder ${config.blobs.folder} yet: the first start makes it`)
    return
  }
  if (config.blobs.kind === 's3') {
    const { endpoint, region } = config.blobs
    clocks.push(await readHttpClock('the store', endpoint ?? `https://s3.${region ?? 'us-east-1'}.amazonaws.com`))
  }
  try {
    const store = await openStore(config.blobs)
    resources.push(() => store.close())
    take.ok('store.reach', `the blob store (${store.kind}) answers`)
    await checkStore({ store, policy: PASTE_POLICY }, take)
    await examineSetup(store, known, take)
    if (config.blobs.kind === 's3') await examineVersions(config.blobs, take)
    const direct: BlobStore | null = 'presignGet' in store && config.blobTransfer === 'direct' ? store : null
    if (direct === null) return
    await checkClient({ store: direct, origin: originOf(config), cors: PASTE_CORS }, take)
  } catch (error) {
    take.fail('store.reach', lineOf(error), isDenied(error) ? PASTE_POLICY : 'see docs/storage.md')
  }
}

async function examineVersions(bucket: BucketAddress, take: Notes): Promise<void> {
  const { whatBecomesOfDeleted } = await import('./adapters/blob/s3-versions.ts')
  const deleted = await whatBecomesOfDeleted(bucket).catch(() => null)
  if (deleted === 'gone') return take.ok('store.versions', 'what is deleted is gone')
  if (deleted === 'kept for days') return take.ok('store.versions', 'what is deleted stays for the days of a rule')
  if (deleted === 'kept') {
    const mend = 'add a lifecycle rule that deletes noncurrent versions after some days, or end versioning'
    return take.warn('store.versions', 'the bucket keeps versions: what is deleted stays in it for ever', mend)
  }
  take.warn('store.versions', 'the credentials may not ask whether the bucket keeps what is deleted', PASTE_POLICY)
}

async function isThere(place: string): Promise<boolean> {
  return access(place).then(
    () => true,
    () => false,
  )
}

async function examineSetup(store: Pick<BlobStore, 'readNamed'>, known: Known, take: Notes): Promise<void> {
  const setup = await store.readNamed('opaque-setup')
  if (setup === null && known.hasAccounts) {
    take.fail(
      'store.setup',
      'the database has accounts, but here is no login setup for them: this is another store, or its objects were lost',
      'name the store of this database in BLOB_URL, or put named/opaque-setup and the blobs back from a backup',
    )
  } else if (setup === null) take.ok('store.setup', 'there is no login setup yet: the first start makes it')
  else take.ok('store.setup', 'the login setup is there; without it nobody signs in: keep a copy of named/opaque-setup')
}
