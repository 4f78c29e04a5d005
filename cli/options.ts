/** Options that several commands share. */
import { InvalidArgumentError, Option, type Command } from 'commander';

export function readCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1)
    throw new InvalidArgumentError('It must be a whole number from 1.');
  return count;
}

export function readPort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidArgumentError('It must be a port: 0 to 65535.');
  return port;
}

/** `--limit N`, over as many pages as it takes. */
export const withLimit = (command: Command): Command =>
  command.addOption(new Option('--limit <n>', 'at most so many').argParser(readCount).default(50));

export const choice = (flags: string, description: string, choices: readonly string[]): Option =>
  new Option(flags, description).choices(choices);

export const IDENTITY_KINDS = ['human', 'service_account', 'workload', 'ai_agent'] as const;

/** Names by comma as a list. */
export const splitNames = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

export const collect = (value: string, earlier: readonly string[] = []): string[] => [...earlier, value];
