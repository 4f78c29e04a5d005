/** Completion scripts, made from the commands themselves. */
import type { Command } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

interface Word {
  readonly word: string;
  readonly description: string;
}

interface Place {
  /** Words of the command before it, by spaces. */
  readonly path: string;
  /** Its commands and the values of its next argument. */
  readonly words: readonly Word[];
  readonly options: readonly (Word & { readonly choices: readonly string[]; readonly takesValue: boolean })[];
}

const first = (text: string): string => text.split('\n')[0] ?? '';

/** Every command of the program with what may follow it. */
function placesOf(command: Command, path = ''): Place[] {
  const values = command.registeredArguments.flatMap((argument) => argument.argChoices ?? []);
  return [
    {
      path,
      words: [
        ...command.commands.map((child) => ({ word: child.name(), description: first(child.description()) })),
        ...values.map((word) => ({ word, description: '' })),
      ],
      options: command.options.flatMap(({ long, description, argChoices, required }) =>
        long === null || long === undefined
          ? []
          : [{ word: long, description, choices: argChoices ?? [], takesValue: required }],
      ),
    },
    ...command.commands.flatMap((child) => placesOf(child, `${path} ${child.name()}`.trim())),
  ];
}

/** For a single-quoted word of a shell. */
const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

function bashScript(places: readonly Place[]): string {
  const cases = places.map(({ path, words, options }) => {
    const all = [...words, ...options].map(({ word }) => word).join(' ');
    return `      ${quote(path)}) words=${quote(all)}; found=1 ;;`;
  });
  const values = places.flatMap(({ path, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .map(
        ({ word, choices }) =>
          `    ${quote(`${path} ${word}`.trim())}) words=${quote(choices.join(' '))}; found=1 ;;`,
      ),
  );
  return `_countersign() {
  local path="" word words="" found="" current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  # The value of an option: what may be chosen, else files.
  case "\${path:+$path }$previous" in
${values.join('\n')}
  esac
  while [ -z "$found" ]; do
    case "$path" in
${cases.join('\n')}
      # A value in the words so far: look at what stands before it.
      *' '*) path="\${path% *}" ;;
      *) path="" ;;
    esac
  done
  case "$current" in
    -*) ;;
    *) case " $words " in *" --json "*) words="$(printf '%s\\n' $words | grep -v '^--')" ;; esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ "\${#COMPREPLY[@]}" -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -F _countersign countersign`;
}

function fishScript(places: readonly Place[]): string {
  const lines = places.flatMap(({ path, words, options }) => {
    const parts = path === '' ? [] : path.split(' ');
    const children = words.map(({ word }) => word).join(' ');
    const conditions = [
      ...parts.map((part) => `__fish_seen_subcommand_from ${part}`),
      ...(children === '' ? [] : [`not __fish_seen_subcommand_from ${children}`]),
    ];
    const when = conditions.length === 0 ? '' : ` -n ${quote(conditions.join('; and '))}`;
    return [
      ...words.map(
        ({ word, description }) =>
          `complete -c countersign -f${when} -a ${word}${description === '' ? '' : ` -d ${quote(description)}`}`,
      ),
      ...options.map(({ word, description, choices, takesValue }) => {
        const given = choices.length > 0 ? ` -x -a ${quote(choices.join(' '))}` : takesValue ? ' -r' : '';
        return `complete -c countersign${when} -l ${word.slice(2)}${given} -d ${quote(first(description))}`;
      }),
    ];
  });
  return lines.join('\n');
}

export function completionScript(program: Command, shell: string): string {
  const places = placesOf(program);
  if (shell === 'fish') return fishScript(places);
  const bash = bashScript(places);
  return shell === 'bash'
    ? bash
    : `autoload -U +X compinit && compinit -u\nautoload -U +X bashcompinit && bashcompinit\n${bash}`;
}
