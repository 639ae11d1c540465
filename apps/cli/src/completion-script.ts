export type Shell = 'bash' | 'zsh' | 'fish'

/** What the shell may offer for a verb. */
export interface VerbWords {
  /** With the verbs that it is below, as `admin kms`. */
  readonly name: string
  readonly description: string
  readonly subverbs: readonly string[]
  readonly options: readonly string[]
}

/**
 * A completion script. Verbs and options are written into it; remote paths come from `strongroom completion paths`,
 * which reads the index on this device.
 */
export function completionScript(shell: Shell, verbs: readonly VerbWords[]): string {
  if (shell === 'fish') return fish(verbs)
  return shell === 'bash' ? bash(verbs) : zsh(verbs)
}

const cases = (verbs: readonly VerbWords[], words: (verb: VerbWords) => readonly string[]): string =>
  verbs.map((verb) => `    ${pattern(verb)}) words='${words(verb).join(' ')}' ;;`).join('\n')

function pattern({ name }: VerbWords): string {
  return `'${name}'`
}

/** Verbs that are below no other. */
function first(verbs: readonly VerbWords[]): VerbWords[] {
  return verbs.filter(({ name }) => !name.includes(' '))
}

function names(verbs: readonly VerbWords[]): string {
  return first(verbs)
    .map((verb) => verb.name)
    .join(' ')
}

/** Follows verbs downwards: `known` is set where the words so far and this one are a verb. */
function knownCase(verbs: readonly VerbWords[]): string {
  return `      case "\${verb:+$verb }$word" in ${verbs.map(pattern).join(' | ')}) verb="\${verb:+$verb }$word" ;; esac`
}

function bash(verbs: readonly VerbWords[]): string {
  return `# strongroom completion for bash; load it with: source <(strongroom completion bash)
_strongroom() {
  local cur=\${COMP_WORDS[COMP_CWORD]} verb='' words='' word i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $word != -* ]]; then
${knownCase(verbs)}
    fi
  done
  if [[ -z $verb ]]; then
    COMPREPLY=($(compgen -W '${names(verbs)}' -- "$cur"))
    return
  fi
  if [[ $cur == -* ]]; then
    case $verb in
${cases(verbs, (verb) => verb.options)}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
    return
  fi
  case $verb in
${cases(
  verbs.filter((verb) => verb.subverbs.length > 0),
  (verb) => verb.subverbs,
)}
  esac
  compopt -o filenames 2>/dev/null
  local prefix=$cur
  prefix=\${prefix//\\\\/}
  prefix=\${prefix#[\\'\\"]}
  mapfile -t COMPREPLY < <(
    compgen -W "$words" -- "$cur"
    [[ $prefix == /* ]] && strongroom completion paths -- "$prefix" 2>/dev/null
    case $verb in put | get | serve) compgen -f -- "$cur" ;; esac
  )
  [[ \${#COMPREPLY[@]} == 1 && \${COMPREPLY[0]} == */ ]] && compopt -o nospace 2>/dev/null
  return 0
}
complete -F _strongroom strongroom
`
}

function zsh(verbs: readonly VerbWords[]): string {
  const described = first(verbs)
    .map((verb) => `    '${verb.name}:${zshText(verb.description)}'`)
    .join('\n')
  return `#compdef strongroom
# strongroom completion for zsh; load it with: source <(strongroom completion zsh)
_strongroom() {
  local verb='' words_ word
  local -a verbs options subverbs remote
  verbs=(
${described}
  )
  for word in \${words[2,CURRENT-1]}; do
    if [[ $word != -* ]]; then
${knownCase(verbs)}
    fi
  done
  if [[ -z $verb ]]; then
    _describe 'verb' verbs
    return
  fi
  case $verb in
${verbs.map((verb) => `    ${pattern(verb)}) options=(${verb.options.join(' ')}); subverbs=(${verb.subverbs.join(' ')}) ;;`).join('\n')}
  esac
  if [[ $PREFIX == -* ]]; then
    compadd -- $options
    return
  fi
  (( \${#subverbs} )) && compadd -- $subverbs
  if [[ $PREFIX == /* ]]; then
    remote=("\${(@f)$(strongroom completion paths -- "\${(Q)PREFIX}" 2>/dev/null)}")
    remote=(\${remote:#})
    compadd -S '' -- \${(M)remote:#*/}
    compadd -- \${remote:#*/}
  fi
  case $verb in
    put|get|serve) _files ;;
  esac
}
compdef _strongroom strongroom
`
}

function zshText(text: string): string {
  return text.replaceAll("'", "'\\''").replaceAll(':', '\\:')
}

function fish(verbs: readonly VerbWords[]): string {
  const begin = first(verbs).map(
    (verb) => `complete -c strongroom -n __fish_use_subcommand -a ${verb.name} -d '${fishText(verb.description)}'`,
  )
  const follow = verbs.flatMap((verb) => {
    const seen = verb.name.split(' ').map((word) => `__fish_seen_subcommand_from ${word}`)
    const inside = seen.join('; and ')
    const none = verb.subverbs.length === 0 ? '' : `; and not __fish_seen_subcommand_from ${verb.subverbs.join(' ')}`
    return [
      ...verb.subverbs.map((subverb) => `complete -c strongroom -n '${inside}${none}' -a ${subverb}`),
      ...verb.options.map((option) => {
        const flag = option.startsWith('--') ? `-l ${option.slice(2)}` : `-s ${option.slice(1)}`
        return `complete -c strongroom -n '${inside}' ${flag}`
      }),
    ]
  })
  const lines = [...begin, ...follow]
  return `# strongroom completion for fish; load it with: strongroom completion fish | source
function __strongroom_remote
  set -l token (commandline -ct | string unescape)
  string match -q -- '/*' $token; and strongroom completion paths -- $token 2>/dev/null
end
complete -c strongroom -f
complete -c strongroom -n 'not __fish_use_subcommand' -a '(__strongroom_remote)'
complete -c strongroom -n '__fish_seen_subcommand_from put get serve' -F
${lines.join('\n')}
`
}

function fishText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")
}
