import type { Command } from 'commander';
import { cliError } from './errors.ts';

/** Words that may follow, for every command of the program: its own commands and long options. */
function wordsOf(program: Command): { path: string; words: string[] }[] {
  const visit = (command: Command, path: string): { path: string; words: string[] }[] => {
    const words = [
      ...command.commands.map((child) => child.name()),
      ...command.options.map((option) => option.long ?? '').filter((long) => long !== ''),
    ];
    return [
      { path, words },
      ...command.commands.flatMap((child) => visit(child, `${path} ${child.name()}`.trim())),
    ];
  };
  return visit(program, '');
}

/** A completion script for bash, zsh or fish, made from the commands themselves. */
export function completionScript(program: Command, shell: string): string {
  const entries = wordsOf(program);
  if (shell === 'fish') {
    return entries
      .flatMap(({ path, words }) => {
        const parts = path === '' ? [] : path.split(' ');
        const condition =
          parts.length === 0
            ? '__fish_use_subcommand'
            : parts.map((part) => `__fish_seen_subcommand_from ${part}`).join('; and ');
        return words.map((word) =>
          word.startsWith('--')
            ? `complete -c countersign -n '${condition}' -l ${word.slice(2)}`
            : `complete -c countersign -f -n '${condition}' -a ${word}`,
        );
      })
      .join('\n');
  }
  if (shell !== 'bash' && shell !== 'zsh') throw cliError('CLI_BAD_SHELL', { shell });
  const cases = entries
    .map(({ path, words }) => `    ${JSON.stringify(path)}) words=${JSON.stringify(words.join(' '))} ;;`)
    .join('\n');
  const bash = `_countersign() {
  local path="" word words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  while :; do
    case "$path" in
${cases.replaceAll('    ', '      ')}
    esac
    [ -n "$words" ] && break
    case "$path" in *" "*) path="\${path% *}" ;; *) break ;; esac
  done
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _countersign countersign`;
  return shell === 'bash' ? bash : `autoload -U +X bashcompinit && bashcompinit\n${bash}`;
}
