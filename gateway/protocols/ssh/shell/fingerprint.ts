/** A line's shape: programs and their options, with what is free to differ taken out. */
import { sha256Hex } from '../../../../platform/digest/sha256.ts';
import type { Argument, Invocation } from './command-line.ts';

/** Programs whose first operand is a verb that belongs to the shape. */
const VERBS = new Set(
  'git systemctl service docker podman kubectl apt apt-get yum dnf npm pip pip3 helm aws gcloud az ip journalctl cargo go make svn snap apk pacman openssl'.split(
    ' ',
  ),
);

function shapeOf({ name, path, args, through, remote }: Invocation): string {
  const operands = args.filter(({ text }) => !text.startsWith('-'));
  const options = args.flatMap(({ text }) => optionsOf(text)).sort();
  const verb = VERBS.has(name) ? wordOf(operands[0]) : '';
  const count = operands.length === 0 ? '0' : operands.length === 1 ? '1' : 'n';
  const own = path.includes('/') && path === `./${name}` ? './' : '';
  return [
    through.join('/'),
    remote === null ? '' : '@',
    own + name,
    verb,
    [...new Set(options)].join(','),
    count,
  ].join(' ');
}

const wordOf = (argument: Argument | undefined): string => (argument?.sure === 'known' ? argument.text : '');

/** `-xzf` is the same as `-x -z -f`; values are free. */
function optionsOf(text: string): readonly string[] {
  if (/^--[A-Za-z]/.test(text)) return [text.split('=')[0]!];
  return /^-[A-Za-z]{1,8}$/.test(text) ? text.slice(1).split('') : [];
}

/** Sixteen hex digits that are equal for lines of one shape; null where nothing was understood. */
export function fingerprintOf(programs: readonly Invocation[], opaque: readonly string[]): string | null {
  if (programs.length === 0) return null;
  const shape = [...programs.slice(0, 64).map(shapeOf), ...[...new Set(opaque)].sort()].join('\n');
  return sha256Hex(shape, 16);
}
