import { z } from 'zod'

// Reason: compiled parsers come from `new Function`, which a page under Trusted Types reports even where it is only tried.
z.config({ jitless: true })

export { z }
