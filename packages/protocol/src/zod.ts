import { config } from 'zod'

// Reason: compiled parsers come from `new Function`, which a page under Trusted Types reports even where it is only tried.
config({ jitless: true })

// Reason for the star: bundles leave out what is not used, such as error messages in sixty languages.
export * from 'zod'
