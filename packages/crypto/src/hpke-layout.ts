/** Bytes of an X-Wing public key. */
export const XWING_PUBLIC_KEY_LENGTH = 1216
/** Bytes of an X-Wing encapsulation. */
export const XWING_ENCAPSULATION_LENGTH = 1120
/** Bytes of a vault key wrapped by HPKE: version, encapsulation, key, tag. */
export const HPKE_WRAP_LENGTH = 1 + XWING_ENCAPSULATION_LENGTH + 32 + 16
