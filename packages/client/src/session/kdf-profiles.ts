import { type CryptoEngine, fromHex, pbkdf2Password, toHex, utf8 } from '@strongroom/crypto'
import { ClientError } from '../errors.ts'
import type { OpaqueClient, Platform, StateStore, Stretching } from '../ports.ts'
import { loadPins, updatePins } from './pins.ts'

/** What stretches a password before it counts; see `spec/keys.md` §9. */
export type KdfProfile = 'argon2id-64' | 'argon2id-32' | 'pbkdf2-600k'

interface KdfRule {
  readonly stretching: Stretching
  /** Whether PBKDF2 comes first, which gives OPAQUE another password. */
  readonly pbkdf2: boolean
  /** Whether this version makes no new records with it, and replaces those that there are; see `replaceRetired`. */
  readonly retired: boolean
}

// Invariant: the whole list is compiled in, in the order in which a login tries it. No server names a profile, or says
// that one is retired.
const RULES: Readonly<Record<KdfProfile, KdfRule>> = {
  'argon2id-64': { stretching: 'argon2id-64', pbkdf2: false, retired: false },
  'argon2id-32': { stretching: 'argon2id-32', pbkdf2: false, retired: false },
  'pbkdf2-600k': { stretching: 'argon2id-32', pbkdf2: true, retired: false },
}

/** All profiles, in the order in which a login tries them. */
export const KDF_PROFILES = Object.keys(RULES) as readonly KdfProfile[]

/** Memory that Argon2id takes, and some for OPAQUE around it, in MiB. */
const MEMORY: Readonly<Record<Stretching, number>> = { 'argon2id-64': 68, 'argon2id-32': 36 }

/** Profiles that share a first message of OPAQUE, in the order in which they are tried. */
export interface KdfRound {
  readonly profiles: readonly KdfProfile[]
  readonly pbkdf2: boolean
}

/** What OPAQUE does for a profile. */
export function stretchingOf(profile: KdfProfile): Stretching {
  return RULES[profile].stretching
}

/**
 * The rounds of a login: what was used last first, then the compiled order; without what this device lacks memory for.
 *
 * @param remembering - what was used last, which may still be looked up
 */
export async function loginRounds(
  opaque: OpaqueClient,
  remembering: KdfProfile | null | Promise<KdfProfile | null>,
): Promise<KdfRound[]> {
  // Profiles share what they stretch with, and a probe takes milliseconds.
  const stretchings = [...new Set(KDF_PROFILES.map(stretchingOf))]
  const probing = Promise.all(stretchings.map((stretching) => opaque.hasMemory(MEMORY[stretching])))
  const [roomy, remembered] = await Promise.all([probing, remembering])
  const affordable = KDF_PROFILES.filter((profile) => roomy[stretchings.indexOf(stretchingOf(profile))] === true)
  const first = affordable.filter((profile) => profile === remembered)
  const ordered = [...first, ...affordable.filter((profile) => profile !== remembered)]
  const rounds = [false, true].map((pbkdf2) => ({
    pbkdf2,
    profiles: ordered.filter((profile) => RULES[profile].pbkdf2 === pbkdf2),
  }))
  if (remembered !== null && RULES[remembered].pbkdf2) rounds.reverse()
  return rounds.filter(({ profiles }) => profiles.length > 0)
}

function hasMemoryFor(opaque: OpaqueClient, profile: KdfProfile): Promise<boolean> {
  return opaque.hasMemory(MEMORY[RULES[profile].stretching])
}

/**
 * The profile of a new record.
 *
 * @param wanted - what the user asked for, or what the record before had; null leaves the choice to the memory probe
 * @throws ClientError `usage` when this device lacks the memory for it, or it is retired
 */
export async function profileForRecord(opaque: OpaqueClient, wanted: KdfProfile | null): Promise<KdfProfile> {
  if (wanted !== null && !KDF_PROFILES.includes(wanted)) throw new ClientError('usage', 'There is no such profile.')
  if (wanted !== null && isRetired(wanted)) throw new ClientError('usage', `The profile ${wanted} is retired.`)
  const profile = wanted ?? (await chosenProfile(opaque))
  if (profile === null) throw new ClientError('usage', 'This device lacks the memory for any profile.')
  // One that was chosen here has been tried.
  if (wanted === null || (await hasMemoryFor(opaque, profile))) return profile
  throw new ClientError('usage', `This device lacks the memory for the profile ${profile}.`)
}

/** The first that this device has memory for, of those that are made for everybody; null where there is none. */
async function chosenProfile(opaque: OpaqueClient): Promise<KdfProfile | null> {
  for (const profile of KDF_PROFILES) {
    const { retired, pbkdf2 } = RULES[profile]
    if (!retired && !pbkdf2 && (await hasMemoryFor(opaque, profile))) return profile
  }
  return null
}

function isRetired(profile: KdfProfile): boolean {
  return RULES[profile].retired
}

/** The profile that a changed password keeps: that of the one before, or null where another has to be chosen. */
export function keptProfile(profile: KdfProfile): KdfProfile | null {
  return isRetired(profile) ? null : profile
}

/** What takes the place of a retired profile on this device; null for any other one, and where there is no memory for it. */
export async function replacementOf(opaque: OpaqueClient, profile: KdfProfile): Promise<KdfProfile | null> {
  return isRetired(profile) ? chosenProfile(opaque) : null
}

/** The password that OPAQUE gets. @param publicKey - hex */
export async function opaquePassword(
  engine: CryptoEngine,
  input: { password: string; login: string; publicKey: string; pbkdf2: boolean },
): Promise<string> {
  const { password, login, publicKey, pbkdf2 } = input
  return pbkdf2 ? pbkdf2Password(engine, { password, opaquePublicKey: fromHex(publicKey), login }) : password
}

/** Whether PBKDF2 comes first in a profile. */
export function hasPbkdf2(profile: KdfProfile): boolean {
  return RULES[profile].pbkdf2
}

/** The profile that this device used last for a login name, or null. */
export async function rememberedProfile(
  { engine, store }: { engine: CryptoEngine; store: StateStore },
  place: { server: string; login: string },
): Promise<KdfProfile | null> {
  const known = (await loadPins(store)).profiles[await profileKey(engine, place)]
  return KDF_PROFILES.find((profile) => profile === known) ?? null
}

/** A profile that was right, as the pins remember it. */
export interface ProfilePin {
  readonly key: string
  readonly profile: KdfProfile
}

export async function profilePin(
  engine: CryptoEngine,
  place: { server: string; login: string },
  profile: KdfProfile,
): Promise<ProfilePin> {
  return { key: await profileKey(engine, place), profile }
}

/** Remembers which profile was right. */
export async function rememberProfile(
  { engine, store }: Pick<Platform, 'engine' | 'store'>,
  place: { server: string; login: string },
  right: KdfProfile,
): Promise<void> {
  const { key, profile } = await profilePin(engine, place, right)
  if ((await loadPins(store)).profiles[key] === profile) return
  await updatePins(store, (pins) => {
    pins.profiles[key] = profile
    return true
  })
}

/** Reason for the hash: the pins stay after a logout, and need not tell who was signed in. */
async function profileKey(engine: CryptoEngine, { server, login }: { server: string; login: string }): Promise<string> {
  return toHex(await engine.sha256(utf8(`${server}\n${login}`)))
}
