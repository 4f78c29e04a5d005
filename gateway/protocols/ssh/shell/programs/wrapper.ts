/** Programs that run another with other surroundings: all of one form. */
import type { Argument } from '../command-line.ts';
import { checkAssignment } from '../environment.ts';
import type { Handler, Running } from './handler.ts';
import { hasOption, optionValue, readOptions, type OptionSpec } from './options.ts';

export interface WrapperSpec extends OptionSpec {
  /** Operands before the command: a duration, a file, a mask. */
  readonly operands?: number;
  /** `NAME=value` may stand before the command. */
  readonly assignments?: boolean;
  /** Runs as somebody else. */
  readonly privileged?: boolean;
  /** Options whose value is a command line for a shell. */
  readonly scripts?: readonly string[];
  /** The command's words are joined and given to a shell. */
  readonly joined?: boolean;
  /** With these options there is no command. */
  readonly without?: readonly string[];
}

const HELP = ['help', 'version'];

/** Handler of a program of that form. */
export function wrapper(spec: WrapperSpec): Handler {
  const full: OptionSpec = { ...spec, longFlags: [...(spec.longFlags ?? []), ...HELP] };
  return (running) => {
    const { walk, args, index, invocation, scope } = running;
    // `nice -10 cmd` is an old form.
    const modern = args[0] !== undefined && /^-\d+$/.test(args[0].text) ? args.slice(1) : args;
    const { options, rest, unsure } = readOptions(modern, full);
    const privileged = spec.privileged === true;
    if (privileged) walk.deed('privilege_escalation', 'program', invocation.name);
    const inner = privileged ? { ...running.inner, privileged: true } : running.inner;
    const strange = (): void =>
      walk.opaque('arguments of a program that runs others are not known', invocation.name, index);
    if (unsure) strange();
    for (const name of spec.scripts ?? []) {
      const code = optionValue(options, name);
      if (code === undefined || code === null) continue;
      if (code.sure === 'known') walk.script(code.text, inner);
      else strange();
      return;
    }
    if (hasOption(options, ...HELP, ...(spec.without ?? []))) return;
    let command: readonly Argument[] = rest.slice(spec.operands ?? 0);
    if (spec.assignments === true) command = afterAssignments(running, command);
    if (spec.joined === true && command.length > 0) {
      if (command.some(({ sure }) => sure !== 'known')) return strange();
      return walk.script(command.map(({ text }) => text).join(' '), inner);
    }
    // A flock or script may have its shell's `-c` behind the operand.
    if (command[0]?.text === '-c' && (spec.operands ?? 0) > 0) {
      const code = command[1];
      if (code?.sure === 'known') return walk.script(code.text, inner);
      return strange();
    }
    walk.run(command, { ...inner, stdin: scope.stdin });
  };
}

function afterAssignments({ walk, index }: Running, words: readonly Argument[]): readonly Argument[] {
  let at = 0;
  for (; at < words.length; at++) {
    const { text, sure } = words[at]!;
    const assignment = /^([A-Za-z_]\w*)=([\s\S]*)$/.exec(text);
    if (assignment === null) {
      if (/^[^=/]+=/.test(text)) walk.opaque('environment that changes what runs', text, index);
      else break;
      continue;
    }
    checkAssignment(walk, assignment[1]!, { text: assignment[2]!, sure }, index);
  }
  return words.slice(at);
}
