/** Questions to whoever logs in (keyboard-interactive, RFC 4256). */
import type { KeyboardAuthContext } from 'ssh2';
import type { Stated } from '../channels/start.ts';

const ANSWER_CHARS_MAX = 1000;

/** The answers; undefined where the client goes away or begins anew. */
function answersOf(
  asked: KeyboardAuthContext,
  prompts: readonly { readonly prompt: string; readonly echo: boolean }[],
  instructions: string,
): Promise<readonly string[] | undefined> {
  return new Promise((resolve) => {
    asked.on('abort', () => resolve(undefined));
    asked.prompt([...prompts], 'Countersign', instructions, (answers) =>
      // An aborted question calls back with an error.
      resolve(Array.isArray(answers) ? answers : undefined),
    );
  });
}

export async function askToken(asked: KeyboardAuthContext): Promise<string | undefined> {
  const answers = await answersOf(asked, [{ prompt: 'Token: ', echo: false }], '');
  return answers === undefined ? undefined : (answers[0] ?? '');
}

/** Null: no reason was given. */
export async function askReason(asked: KeyboardAuthContext): Promise<Stated | null | undefined> {
  const prompts = [
    { prompt: 'Reason: ', echo: true },
    { prompt: 'Ticket (may be empty): ', echo: true },
  ];
  const answers = await answersOf(
    asked,
    prompts,
    'This connection asks why it is used; the answer is recorded.',
  );
  if (answers === undefined) return undefined;
  const [reason = '', ticket = ''] = answers.map((answer) => answer.trim().slice(0, ANSWER_CHARS_MAX));
  return reason === '' ? null : { reason, ticket: ticket === '' ? null : ticket };
}
