/** The one catalogue of all errors that a user can meet, gathered from the rooms. `node main/error-catalogue.ts` writes docs/errors.md. */
import { writeFileSync } from 'node:fs';
import type { ErrorDefinition } from '../platform/errors/errors.ts';
import { definitions as config } from '../platform/config/errors.ts';
import { definitions as main } from './errors.ts';

const rooms = { Configuration: config, 'Starting up': main } as const;

export const catalogue: Readonly<Record<string, ErrorDefinition>> = Object.assign(
  {},
  ...Object.values(rooms),
) as Record<string, ErrorDefinition>;

/** The catalogue as the page docs/errors.md. */
export function catalogueMarkdown(): string {
  const sections = Object.entries(rooms).map(([room, definitions]) => {
    const rows = Object.entries(definitions as Record<string, ErrorDefinition>).map(
      ([code, { message, hint, status }]) => `### ${code}\n\n${message}\n\n${hint} (HTTP ${status})\n`,
    );
    return `## ${room}\n\n${rows.join('\n')}`;
  });
  return `# Errors\n\nEvery error that you can meet has a code. Here is what each means and what to do. \`{name}\` stands for what was found.\n\n${sections.join('\n')}`;
}

if (import.meta.main) writeFileSync(new URL('../docs/errors.md', import.meta.url), catalogueMarkdown());
