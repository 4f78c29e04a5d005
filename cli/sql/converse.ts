/** A conversation with the target: statements from a terminal or a script, one after another. */
import { createInterface } from 'node:readline';
import type { CliContext } from '../context.ts';
import { isComplete } from './complete.ts';

const STATEMENT_CHARACTERS_MAX = 16 * 1024 * 1024;

export interface Conversation {
  /** Runs SQL; false where it failed. */
  run(sql: string): Promise<boolean>;
  /** Why there is nobody to talk to any more. */
  lost(): Error | undefined;
}

/** True where every statement succeeded. */
export async function converse(
  { stdin, stdout, stderr, interrupted }: Pick<CliContext, 'stdin' | 'stdout' | 'stderr' | 'interrupted'>,
  connection: string,
  { run, lost }: Conversation,
): Promise<boolean> {
  const isTerminal = stdin.isTTY && stdout.isTTY;
  const lines = createInterface({
    input: stdin,
    ...(isTerminal ? { output: stdout, terminal: true } : {}),
    signal: interrupted,
  });
  let statement = '';
  let fine = true;
  const prompt = (): void => {
    if (!isTerminal) return;
    lines.setPrompt(statement === '' ? `${connection}=> ` : `${connection}-> `);
    lines.prompt();
  };
  lines.on('SIGINT', () => {
    // As in psql: the first Ctrl-C forgets what was typed, on an empty line it ends.
    if (statement === '' && lines.line === '') lines.close();
    else {
      statement = '';
      stdout.write('\n');
      prompt();
    }
  });
  if (isTerminal) stdout.write('Statements end with ;  \\q or Ctrl-D ends.\n');
  prompt();
  for await (const line of lines) {
    const word = line.trim();
    if (statement === '' && word.startsWith('\\')) {
      if (/^\\q\b/.test(word)) break;
      stderr.write(`${word.split(/\s/)[0]} is not known here; \\q ends.\n`);
      fine = false;
    } else if (word !== '' || statement !== '') statement += `${line}\n`;
    if (statement.length > STATEMENT_CHARACTERS_MAX) {
      stderr.write('The statement is over 16 MiB and was dropped.\n');
      statement = '';
      fine = false;
    }
    if (isComplete(statement)) {
      const sql = statement;
      statement = '';
      if (!(await run(sql))) fine = false;
      if (lost() !== undefined) break;
    }
    prompt();
  }
  lines.close();
  // A script may leave its last semicolon out.
  if (!isTerminal && statement.trim() !== '' && lost() === undefined) return (await run(statement)) && fine;
  return fine;
}
