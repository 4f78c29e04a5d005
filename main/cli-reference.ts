/** `node main/cli-reference.ts` writes docs/cli.md from the commands themselves. */
import { writeFileSync } from 'node:fs';
import type { CommandDescription } from '../cli/describe.ts';
import { commandTree } from '../cli/program.ts';
import { FURTHER_COMMANDS } from './commands/registry.ts';

const INTRODUCTION = `# The command line

\`npx countersign COMMAND\` in a checkout, \`countersign COMMAND\` where the package is installed. This page is made by
\`node main/cli-reference.ts\`; a test holds it to the commands.

**Where it calls.** Commands about a running installation call its control API: at \`COUNTERSIGN_API\` with the token in
\`COUNTERSIGN_API_TOKEN\`, else as \`api.json\` in the data folder says (\`COUNTERSIGN_DATA_FOLDER\`, default \`.data\`), which
\`up\`, \`run\` and \`npm start\` write for whoever may read that folder.

**Output.** Text for people by default, times in UTC; \`--json\` prints JSON: a list or an object, and one object a line where something
is followed (\`session tail\`, \`session replay\`, \`event export\`, \`backtest\`). Errors go to standard error as a code, what happened and
what to do; with \`--json\` as one object with \`code\`, \`message\` and \`hint\`. The codes are explained in [errors.md](errors.md).

**Exit codes.**

| code | meaning |
| --- | --- |
| 0 | done |
| 1 | understood, but failed or refused; also a check that found mistakes, and an exercise that did not end as it should |
| 2 | the words on the command line are wrong |
| 3 | there is no such thing |
| 4 | no token, a wrong one, or one without the scope |
| 5 | nobody answers at the control API's address |
| 130 | interrupted (Ctrl-C, SIGTERM) |

**Names.** An account of the gateway may be given by its name: \`bot\` stands for \`countersign/bot\`. Times are ISO 8601, or a duration
ago: \`90s\`, \`15m\`, \`2h\`, \`7d\`.

**Completion.** \`source <(countersign completion bash)\`; zsh and fish alike.
`;

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function page({ path, usage, description, parameters, children }: CommandDescription): string[] {
  if (children.length > 0)
    return [...(path === '' ? [] : ['', `## ${path}`, '', sentence(description)]), ...children.flatMap(page)];
  const isTop = !path.includes(' ');
  return [
    '',
    `${isTop ? '##' : '###'} ${path}`,
    '',
    `    countersign ${usage}`,
    '',
    sentence(description),
    ...(parameters.length === 0
      ? []
      : [
          '',
          '| | what | default |',
          '| --- | --- | --- |',
          ...parameters.map(
            ({ name, text, value }) =>
              `| \`${cell(name)}\` | ${cell(text)} | ${value === undefined ? '' : `\`${cell(value)}\``} |`,
          ),
        ]),
  ];
}

/** docs/cli.md */
export function cliMarkdown(): string {
  return [INTRODUCTION.trimEnd(), ...page(commandTree(FURTHER_COMMANDS)), ''].join('\n');
}

if (import.meta.main) writeFileSync(new URL('../docs/cli.md', import.meta.url), cliMarkdown());
