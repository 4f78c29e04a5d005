/** The audit trail as the log has it, for checking it somewhere else (docs/audit-trail.md). */
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { AuditKey, AuditKeys, type AuditExportHead } from '../../../schemas/api/audit.ts';
import { TOPICS } from '../../../schemas/topics.ts';
import { controlApiError } from '../errors.ts';
import { mutate } from '../http/mutation.ts';
import { answers, type Resource } from './route.ts';

/** Exports read the whole log; two at once are enough. */
const EXPORTS_MAX = 2;

export const audit: Resource = (app, { services }) => {
  const { eventLog, log, clock } = services;
  app.get('/v1/audit/key', {
    config: { scope: 'read' },
    schema: { tags: ['audit'], summary: 'Public key of the checkpoints', response: answers(AuditKey) },
    handler: () => Promise.resolve(services.auditKey),
  });

  app.get('/v1/audit/keys', {
    config: { scope: 'read' },
    schema: {
      tags: ['audit'],
      summary: 'Public keys of the checkpoints of all gateways, also of those that are gone',
      response: answers(AuditKeys),
    },
    handler: async () => ({ items: [...(await services.auditKeys())] }),
  });

  let exports = 0;
  const exportTo = async (out: PassThrough): Promise<void> => {
    const closed = new AbortController();
    out.once('close', () => closed.abort());
    const write = async (line: object): Promise<void> => {
      if (!out.write(`${JSON.stringify(line)}\n`)) await once(out, 'drain', { signal: closed.signal });
    };
    const head: AuditExportHead = {
      kind: 'countersign-audit-export',
      ...services.auditKey,
      keys: await services.auditKeys(),
      schemas: services.codecs.sessionEvent.schemas,
      exportedAt: clock.now(),
    };
    await write(head);
    for (const topic of [TOPICS.sessionEvents.name, TOPICS.sessionData.name]) {
      const reader = await eventLog.read({
        topic,
        async onRecords(records) {
          for (const { value } of records)
            if (value !== null && !closed.signal.aborted)
              await write({ event: Buffer.from(value).toString('base64') });
        },
        onFailure: (error) => out.destroy(error as Error),
      });
      try {
        await Promise.race([reader.caughtUp(), once(out, 'close', { signal: closed.signal })]);
      } finally {
        await reader.close();
      }
    }
    out.end();
  };

  app.get('/v1/audit/events', {
    config: { scope: 'read' },
    schema: {
      tags: ['audit'],
      summary: 'Every session event that the log holds, as its bytes, NDJSON; the first line names the key',
      produces: ['application/x-ndjson'],
    },
    async handler(request, reply) {
      const mutation = { action: 'audit.export', subject: 'session-events', reason: 'exported' };
      const out = await mutate(services, request, mutation, () => {
        if (exports >= EXPORTS_MAX)
          throw controlApiError('CONTROL_API_TOO_MANY_CALLS', { reason: `${exports} exports are under way` });
        exports += 1;
        return Promise.resolve({ outcome: 'recorded', value: new PassThrough() });
      });
      out.once('close', () => {
        exports -= 1;
      });
      reply.raw.once('close', () => out.destroy());
      exportTo(out).catch((error: unknown) => {
        if (!out.destroyed) log.warn({ error }, 'an export of the audit trail has ended on an error');
        out.destroy();
      });
      return reply.type('application/x-ndjson').send(out);
    },
  });
};
