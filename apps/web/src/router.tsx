import { createRootRoute, createRoute, createRouter, redirect } from '@tanstack/react-router'
import { FavouritesScreen, RecentScreen, SearchScreen } from './screens/flat-screens.tsx'
import { FolderScreen } from './screens/folder-screen.tsx'
import { NotFoundScreen } from './screens/not-found-screen.tsx'
import { SecurityScreen } from './screens/security/security-screen.tsx'
import { Shell } from './screens/shell.tsx'
import { TrashScreen } from './screens/trash-screen.tsx'

const root = createRootRoute({ component: Shell, notFoundComponent: NotFoundScreen })
const at = <Path extends string>(path: Path, component: () => React.ReactNode) =>
  createRoute({ getParentRoute: () => root, path, component })

/** Addresses hold ids and nothing that a user has named. */
const routes = root.addChildren([
  createRoute({
    getParentRoute: () => root,
    path: '/',
    beforeLoad: () => {
      throw redirect({ to: '/files', replace: true })
    },
  }),
  at('/files', FolderScreen),
  at('/files/$nodeId', FolderScreen),
  at('/recent', RecentScreen),
  at('/favourites', FavouritesScreen),
  at('/search', SearchScreen),
  at('/trash', TrashScreen),
  at('/security', SecurityScreen),
])

/** Whatever cannot be drawn is told by the app as a whole. */
function Rethrow({ error }: { readonly error: unknown }): never {
  throw error
}

export const router = createRouter({ routeTree: routes, defaultPreload: false, defaultErrorComponent: Rethrow })

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
