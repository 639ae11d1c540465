/** Gives the addresses of scripts a form in which a browser runs them. */
interface ScriptPolicy {
  createScriptURL(url: string): string
}

interface TrustedTypes {
  createPolicy(name: string, rules: ScriptPolicy): ScriptPolicy
}

// [Note: Trusted Types] The page and its worker may run only scripts that this policy lets through: parts of the app, by
// the addresses that the build gave them.

/** The policy of this page or worker, which lets through the given addresses and no others; there is one of each. */
export function scriptPolicy(allowed: readonly string[]): ScriptPolicy {
  const rules: ScriptPolicy = {
    createScriptURL(url) {
      if (!allowed.includes(url)) throw new TypeError('this script is not part of the app')
      return url
    },
  }
  // Reason for the cast: the DOM types do not know Trusted Types, which some browsers lack.
  const factory = (globalThis as unknown as { trustedTypes?: TrustedTypes }).trustedTypes
  return factory?.createPolicy('strongroom', rules) ?? rules
}
