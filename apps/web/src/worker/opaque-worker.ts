import { serveOpaque } from '@strongroom/client/browser/opaque-worker'

// Entry of the worker that stretches a password; it is ended after each sign-in.
serveOpaque()
