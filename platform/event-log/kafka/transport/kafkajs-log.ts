import type { logCreator } from 'kafkajs';
import type { Logger } from '../../../log/log.ts';

/** Fields of kafkajs' log entries that are passed on: none of them ever holds a secret or the contents of a record. */
const FIELDS = ['broker', 'correlationId', 'groupId', 'error', 'code'] as const;

/** kafkajs' own log, as ours, for whoever looks closely: what comes of a broken connection is said once by whoever used it (cluster.ts). */
export function createKafkajsLog(log: Logger): logCreator {
  return () =>
    ({ namespace, log: entry }) => {
      const fields: Record<string, unknown> = { part: namespace, said: entry.message };
      for (const name of FIELDS) if (entry[name] !== undefined) fields[name] = entry[name] as unknown;
      log.debug(fields, 'kafka client');
    };
}
