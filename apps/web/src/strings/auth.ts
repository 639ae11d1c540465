/** Getting in: signing up and in, the recovery key. */
export const AUTH = {
  auth: {
    signIn: 'Sign in',
    signInTitle: 'Welcome back',
    signUp: 'Create account',
    signUpTitle: 'Create your account',
    toSignUp: 'New here?',
    toSignIn: 'Have an account?',
    login: 'Login name',
    invite: 'Invitation',
    inviteHint: 'This server takes invited people only.',
    closed: 'This server takes no new accounts. Ask whoever runs it.',
    locked: 'Locked after a while without use. Sign in again.',
    loginHint: 'An e-mail address or any name. Nothing is sent to it.',
    password: 'Password',
    passwordAgain: 'Password again',
    showPassword: 'Show password',
    hidePassword: 'Hide password',
    next: 'Continue',
    working: 'Stretching your password …',
    mismatch: 'The two passwords differ.',
    short: 'Use at least 8 characters.',
    weak: 'Easy to guess. Longer is stronger: four unrelated words do well.',
    strength: ['Very weak', 'Weak', 'Fair', 'Good', 'Strong'],
    strengthLabel: 'Password strength',
    forgot: 'Forgot your password?',
    codeTitle: 'Two-step sign-in',
    codeWhy: 'Type the six digits that your authenticator shows, or one of your backup codes.',
    code: 'Code',
    codeWrong: 'That code is wrong, too old, or was used before.',
    check: 'Check',
  },
  recovery: {
    title: 'Save your recovery key',
    why: 'It opens your files if you forget your password. It is shown once, and only you have it.',
    copy: 'Copy',
    copied: 'Copied',
    download: 'Download',
    print: 'Print',
    saved: 'I have saved it',
    typeTitle: 'Type it back',
    typeWhy: 'So that we both know that what you saved is right. Dashes and capitals do not matter.',
    label: 'Recovery key',
    wrong: 'This is not the key that was shown.',
    back: 'Show it again',
    finish: 'Finish',
    forgotTitle: 'Use your recovery key',
    forgotWhy:
      'Nobody can send you a new password: only your recovery key opens your files now. It sets a new password, and then you get a new recovery key.',
    newPassword: 'New password',
    use: 'Set new password',
    misspelt: (groups: string) =>
      groups === ''
        ? 'This is not spelt right. A recovery key has eight groups of four.'
        : groups.includes(',')
          ? `This is not spelt right: look at groups ${groups} again.`
          : `This is not spelt right: look at group ${groups} again.`,
    toSignIn: 'Back to sign-in',
    fileName: 'strongroom-recovery-key.txt',
    fileText: (login: string, key: string) =>
      `Strongroom recovery key\n\nLogin name: ${login}\nRecovery key: ${key}\n\nWhoever has this key can open the account's files. Keep it on paper or in a safe place.\n`,
  },
  blocked: {
    title: 'This browser keeps nothing for this page',
    text: 'Cookies and site data are blocked, and without them nobody can stay signed in. Allow them for this address in the browser’s settings, then reload. No other site is involved, and nothing follows you.',
  },
  insecure: {
    title: 'HTTPS needed',
    text: 'This page was opened over plain HTTP. Browsers give pages no encryption there, so nothing can be kept secret. Ask whoever runs this server for its https:// address.',
  },
} as const
