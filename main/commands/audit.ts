/** `countersign audit`: the trail out of the gateway, and its proof without the gateway. */
import { once } from 'node:events';
import { createWriteStream, readFileSync } from 'node:fs';
import type { RegisterCommands } from '../../cli/context.ts';
import { cliError } from '../../cli/errors.ts';
import { EXIT } from '../../cli/exit-codes.ts';
import type { AuditKey, AuditKeys } from '../../schemas/api/audit.ts';

const PROBLEMS_SHOWN_MAX = 50;

interface VerifyOptions {
  readonly key?: string;
  readonly gateway?: string;
  readonly until?: string;
  readonly startsInside?: boolean;
}

export const registerAudit: RegisterCommands = (program, context) => {
  const audit = program
    .command('audit')
    .description('the audit trail: take the key, export the events, check them anywhere');
  audit
    .command('key')
    .description("print the gateway's public key and its fingerprint; keep both away from the gateway")
    .action(async () => {
      const { fingerprintOf } = await import('../audit-check.ts');
      const key = await context.api().get<AuditKey>('/v1/audit/key');
      const fingerprint = fingerprintOf(key.publicKey);
      context
        .output()
        .value(
          { ...key, fingerprint },
          () => `${key.publicKey.trimEnd()}\n# gateway ${key.gateway}, SHA-256 fingerprint ${fingerprint}`,
        );
    });
  audit
    .command('keys')
    .description('print the public keys of all gateways on this control store, also of those that are gone')
    .action(async () => {
      const { fingerprintOf } = await import('../audit-check.ts');
      const { items } = await context.api().get<AuditKeys>('/v1/audit/keys');
      const keys = items.map((key) => ({ ...key, fingerprint: fingerprintOf(key.publicKey) }));
      context
        .output()
        .value(keys, () =>
          keys
            .map(
              (key) =>
                `${key.publicKey.trimEnd()}\n# gateway ${key.gateway}, SHA-256 fingerprint ${key.fingerprint}`,
            )
            .join('\n'),
        );
    });
  audit
    .command('export')
    .description('write every session event that the log holds to a file, as it was signed for')
    .argument('<file>', 'file to write')
    .action(async (file: string) => {
      const out = createWriteStream(file, { mode: 0o600 });
      try {
        await once(out, 'open');
      } catch (error) {
        throw cliError('CLI_FILE_UNREADABLE', { file, reason: (error as Error).message });
      }
      let lines = 0;
      for await (const line of context.api().lines('/v1/audit/events', {}, context.interrupted)) {
        if (!out.write(`${line}\n`)) await once(out, 'drain');
        lines += 1;
      }
      out.end();
      await once(out, 'close');
      const events = Math.max(0, lines - 1);
      context.output().value({ file, events }, () => `${events} events exported to ${file}.`);
    });
  audit
    .command('verify')
    .description('check an export: hashes, chains, gaps, signatures; needs no gateway and no data folder')
    .argument('<file>', 'file that `audit export` wrote')
    .option('--key <file>', 'public key (PEM) as `audit key` printed it, kept elsewhere')
    .option('--gateway <id>', 'check the chain of this gateway; without it, of the one that made the export')
    .option(
      '--until <time>',
      'the trail must reach to here (ISO 8601); without it, to the time of the export',
    )
    .option('--starts-inside', 'retention has dropped the beginning')
    .action(async (file: string, options: VerifyOptions) => {
      const { checkAuditExport } = await import('../audit-check.ts');
      const until = options.until === undefined ? undefined : Date.parse(options.until);
      if (until !== undefined && Number.isNaN(until))
        throw cliError('CLI_BAD_TIME', { text: options.until! });
      const read = (path: string): string => {
        try {
          return readFileSync(path, 'utf8');
        } catch (error) {
          throw cliError('CLI_FILE_UNREADABLE', { file: path, reason: (error as Error).message });
        }
      };
      const publicKeyPem = options.key === undefined ? undefined : read(options.key);
      const check = await checkAuditExport(file, {
        ...(publicKeyPem === undefined ? {} : { publicKeyPem }),
        ...(options.gateway === undefined ? {} : { gateway: options.gateway }),
        ...(until === undefined ? {} : { until }),
        ...(options.startsInside === true ? { startsInside: true } : {}),
      });
      context
        .output()
        .value(check, () =>
          [
            `Gateway ${check.gateway}, ${check.first ?? '-'} to ${check.last ?? '-'}`,
            `Key     SHA-256 ${check.keyFingerprint} (${check.keyFrom === 'file' ? `from ${options.key}` : 'from the export itself'})`,
            `${check.events} events, ${check.checkpoints} signed checkpoints; ${check.others} imported or of other gateways left out, ${check.repeated} repeated`,
            ...check.notes.map((note) => `note: ${note}`),
            ...check.problems
              .slice(0, PROBLEMS_SHOWN_MAX)
              .map(
                ({ kind, eventId, detail }) =>
                  `${kind}: ${detail}${eventId === null ? '' : ` (event ${eventId})`}`,
              ),
            ...(check.problems.length > PROBLEMS_SHOWN_MAX
              ? [`and ${check.problems.length - PROBLEMS_SHOWN_MAX} more`]
              : []),
            check.ok ? 'The trail holds.' : `The trail does not hold: ${check.problems.length} problems.`,
          ].join('\n'),
        );
      if (!check.ok) process.exitCode = EXIT.failed;
    });
};
