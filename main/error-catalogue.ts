/** The one catalogue of all errors that a user can meet, gathered from the rooms. `node main/error-catalogue.ts` writes docs/errors.md. */
import { writeFileSync } from 'node:fs';
import { definitions as cli } from '../cli/errors.ts';
import { definitions as detectors } from '../detectors/errors.ts';
import { definitions as rules } from '../detectors/rules/errors.ts';
import { definitions as access } from '../gateway/access/errors.ts';
import { definitions as approvals } from '../gateway/approvals/errors.ts';
import { definitions as control } from '../gateway/control/errors.ts';
import { definitions as controlApi } from '../gateway/control-api/errors.ts';
import { definitions as credentials } from '../gateway/credentials/errors.ts';
import { definitions as deadLetters } from '../gateway/dead-letters/errors.ts';
import { definitions as policy } from '../gateway/policy/errors.ts';
import { definitions as postgres } from '../gateway/protocols/postgres/errors.ts';
import { definitions as ssh } from '../gateway/protocols/ssh/errors.ts';
import { definitions as recording } from '../gateway/recording/errors.ts';
import { definitions as sessions } from '../gateway/sessions/errors.ts';
import { definitions as ingest } from '../ingest/errors.ts';
import { definitions as sinks } from '../ingest/sinks/errors.ts';
import { definitions as config } from '../platform/config/errors.ts';
import { definitions as controlStore } from '../platform/control-store/errors.ts';
import type { ErrorDefinition, ErrorDefinitions } from '../platform/errors/errors.ts';
import { definitions as eventLog } from '../platform/event-log/errors.ts';
import { definitions as schemaRegistry } from '../platform/schema-registry/errors.ts';
import { definitions as recordingStore } from '../platform/recording-store/errors.ts';
import { definitions as searchIndex } from '../platform/search-index/errors.ts';
import { definitions as responders } from '../responders/errors.ts';
import { definitions as main } from './errors.ts';

/** In the order in which somebody meets them: starting, logging in, working, being stopped, operating. */
const rooms: Readonly<Record<string, ErrorDefinitions>> = {
  Configuration: config,
  'Starting up': main,
  'PostgreSQL clients': postgres,
  'SSH clients': ssh,
  Tokens: access,
  Sessions: sessions,
  'Lockouts and the control revision': control,
  Policy: policy,
  'Approvals and grants': approvals,
  'The vault': credentials,
  'Spool and recordings': recording,
  'Control API': controlApi,
  'Dead letters': deadLetters,
  Detectors: detectors,
  'Sigma rules': rules,
  Responders: responders,
  'Import and the way to the index': ingest,
  'Sinks to SIEMs': sinks,
  'Event log': eventLog,
  'Schema registry': schemaRegistry,
  'Control store': controlStore,
  'Search index': searchIndex,
  'Recording store': recordingStore,
};

export const catalogue: Readonly<Record<string, ErrorDefinition>> = Object.assign(
  {},
  ...Object.values(rooms),
) as Record<string, ErrorDefinition>;

/** What the commands themselves can say; they end with an exit code instead of an HTTP status. */
export const commandErrors: Readonly<Record<string, { message: string; hint: string; exitCode: number }>> =
  cli;

/** Codes that more than one room defines; there are none. */
export function doubleCodes(): string[] {
  const codes = [...Object.values(rooms), cli].flatMap((definitions) => Object.keys(definitions));
  return codes.filter((code, place) => codes.indexOf(code) !== place);
}

const entry = (code: string, message: string, hint: string, outcome: string): string =>
  `### ${code}\n\n${message}\n\n${hint} (${outcome})\n`;

/** The catalogue as the page docs/errors.md. */
export function catalogueMarkdown(): string {
  const sections = Object.entries(rooms).map(([room, definitions]) => {
    const entries = Object.entries(definitions).map(([code, { message, hint, status }]) =>
      entry(code, message, hint, `HTTP ${status}`),
    );
    return `## ${room}\n\n${entries.join('\n')}`;
  });
  const commands = Object.entries(commandErrors).map(([code, { message, hint, exitCode }]) =>
    entry(code, message, hint, `exit code ${exitCode}`),
  );
  return `# Errors\n\nEvery error that you can meet has a code. Here is what each means and what to do. \`{name}\` stands for what was found.\nWritten by \`node main/error-catalogue.ts\`.\n\n${sections.join('\n')}\n## Command line\n\n${commands.join('\n')}`;
}

if (import.meta.main) writeFileSync(new URL('../docs/errors.md', import.meta.url), catalogueMarkdown());
