import { freshLogin, PASSWORD, registerDevice, type SdkDevice } from '../../e2e/src/sdk/sdk.ts'
import { signIn, type Tab, type WebWorld } from './tab.ts'

/** Who has a tab and another device. */
export interface Owner extends Tab, AsyncDisposable {
  readonly login: string
  readonly device: SdkDevice
}

/** A new account, signed in in a fresh profile and on another device. */
export async function newOwner(world: WebWorld): Promise<Owner> {
  const login = freshLogin()
  const device = await registerDevice(world.server.url, login)
  const tab = await world.openProfile()
  await signIn(tab, login, PASSWORD)
  await tab.page.getByText('This folder is empty').waitFor()
  return {
    ...tab,
    login,
    device,
    async [Symbol.asyncDispose]() {
      await tab.context.close()
      await device[Symbol.asyncDispose]()
    },
  }
}
