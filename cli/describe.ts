/** The commands as data, for pages about them. */
import type { Command } from 'commander';

export interface CommandDescription {
  /** Words of the command by spaces; empty for the program. */
  readonly path: string;
  readonly usage: string;
  readonly description: string;
  readonly parameters: readonly {
    readonly name: string;
    readonly text: string;
    readonly value: string | undefined;
  }[];
  readonly children: readonly CommandDescription[];
}

/** On every command; said once. */
const EVERYWHERE = new Set(['--json', '--help', '--version']);

const withChoices = (text: string, choices: readonly string[] | undefined): string =>
  choices === undefined ? text : `${text}: ${choices.join(', ')}`;

const shown = (value: unknown): string | undefined =>
  value === undefined || value === '' ? undefined : typeof value === 'string' ? value : JSON.stringify(value);

export function describeCommand(command: Command, path = ''): CommandDescription {
  const values = command.registeredArguments;
  const options = command.options.filter(({ long }) => !EVERYWHERE.has(long ?? ''));
  const named = values.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  return {
    path,
    usage: [path, ...(options.length === 0 ? [] : ['[options]']), ...named].join(' '),
    description: command.description(),
    parameters: [
      ...values.map((argument, index) => ({
        name: named[index]!,
        text: withChoices(argument.description, argument.argChoices),
        value: shown(argument.defaultValue),
      })),
      ...options.map((option) => ({
        name: option.flags,
        text: `${withChoices(option.description, option.argChoices)}${option.mandatory ? ' (required)' : ''}`,
        value: shown(option.defaultValue),
      })),
    ],
    children: command.commands
      .filter((child) => child.name() !== 'help')
      .map((child) => describeCommand(child, `${path} ${child.name()}`.trim())),
  };
}
