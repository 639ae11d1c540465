import { serveContent } from '@strongroom/client/browser/content-worker'

// Entry of the workers that encrypt and decrypt what files hold.
serveContent()
