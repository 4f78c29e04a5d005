/** Deletes by age where the server does not do it: whole backing indices where all in them is old, documents elsewhere. */
import type { ElasticsearchConfig } from '../../../schemas/config/elasticsearch.ts';
import type { Logger } from '../../log/log.ts';
import type { Bulk } from './bulk.ts';
import { bulkLinesOf } from './bulk-lines.ts';
import type { Connection } from './connection.ts';
import type { Features } from './features.ts';
import { numericRange } from './query.ts';
import { isPlain, type Streams } from './streams.ts';

const STEP = 2000;

export function createExpiry(
  deps: { connection: Connection; bulk: Bulk; streams: Streams; features: Features; log: Logger },
  { templates, retention: config }: Pick<ElasticsearchConfig, 'templates' | 'retention'>,
) {
  const { connection, bulk, streams, features, log } = deps;
  /** Indexes that the server looks after. */
  const byServer = new Set<string>();

  const dropWhole = async (name: string, before: number): Promise<number | undefined> => {
    const { body } = await connection.request('POST', `/${name}/_search`, {
      size: 0,
      track_total_hits: true,
      aggs: { last: { max: { field: '@timestamp' } } },
    });
    const answer = body as {
      hits: { total: { value: number } };
      aggregations: { last: { value: number | null } };
    };
    const { value: last } = answer.aggregations.last;
    if (last !== null && last >= before) return undefined;
    await connection.request('DELETE', `/${name}`, undefined, { allowed: [404] });
    return answer.hits.total.value;
  };

  const dropDocuments = async (name: string, before: number): Promise<number> => {
    let total = 0;
    for (;;) {
      await connection.request('POST', `/${name}/_refresh`);
      const { body } = await connection.request('POST', `/${name}/_search`, {
        query: numericRange('@timestamp', undefined, before),
        size: STEP,
        sort: ['_doc'],
        _source: false,
        track_total_hits: false,
      });
      const { hits } = (body as { hits: { hits: readonly { _index: string; _id: string }[] } }).hits;
      const results = await bulk.send(
        name,
        bulkLinesOf(hits.map(({ _index, _id }) => ({ delete: { _index, _id } }))),
      );
      const deleted = results.filter(({ status }) => status === 'written').length;
      total += deleted;
      if (hits.length < STEP || deleted === 0) return total;
    }
  };

  const rollOver = async (index: string): Promise<void> => {
    const conditions = {
      max_age: `${config.rolloverAgeDays}d`,
      max_primary_shard_size: `${config.rolloverBytesMax}b`,
    };
    await connection.request('POST', `/${streams.nameOf(index)}/_rollover`, { conditions });
    streams.forget(index);
  };

  const expire = async (index: string, before: number): Promise<number> => {
    if (byServer.has(index)) return 0;
    streams.forget(index);
    const parts = await streams.parts(index);
    if (parts.length === 0) return 0;
    let total = 0;
    for (const { name } of parts.slice(0, -1))
      total += (await dropWhole(name, before)) ?? (await dropDocuments(name, before));
    total += await dropDocuments(parts.at(-1)!.name, before);
    if (parts.at(-1)!.name.startsWith('.ds-')) await rollOver(index);
    streams.forget(index);
    return total;
  };

  /** By data stream lifecycle; false where the server does not know it. */
  const retainByLifecycle = async (index: string, retention: string): Promise<boolean> => {
    await streams.setLifecycle(index, { retention });
    const { status } = await connection.request(
      'PUT',
      `/_data_stream/${streams.nameOf(index)}/_lifecycle`,
      { data_retention: retention },
      { allowed: [400, 404, 405] },
    );
    // 404: there is no such data stream yet; the template gives it to the one that comes.
    return status === 200 || status === 404;
  };

  const retainByPolicy = async (index: string, retention: string): Promise<boolean> => {
    const name = streams.nameOf(index);
    const rollover = {
      max_age: `${config.rolloverAgeDays}d`,
      max_primary_shard_size: `${config.rolloverBytesMax}b`,
    };
    const phases = {
      hot: { actions: { rollover } },
      delete: { min_age: retention, actions: { delete: {} } },
    };
    const { status } = await connection.request(
      'PUT',
      `/_ilm/policy/${name}`,
      { policy: { phases } },
      { allowed: [400, 404, 405] },
    );
    if (status !== 200) return false;
    await streams.setLifecycle(index, { policy: name });
    if ((await streams.parts(index)).length > 0)
      await connection.request('PUT', `/${name}/_settings`, { index: { lifecycle: { name } } });
    return true;
  };

  const retain = async (index: string, keepDays: number): Promise<boolean> => {
    if (isPlain(index)) return false;
    const { mode } = config;
    const retention = `${keepDays}d`;
    const lifecycle = mode === 'lifecycle' || (mode === 'auto' && features.lifecycle);
    const policy = mode === 'ilm' || (mode === 'auto' && !lifecycle && features.ilm);
    // An administrator has put the templates, and what they say about age with them.
    const expected = templates === 'expect' && (lifecycle || policy);
    const done = expected
      ? true
      : lifecycle
        ? await retainByLifecycle(index, retention)
        : policy && (await retainByPolicy(index, retention));
    if (done) byServer.add(index);
    else {
      byServer.delete(index);
      if (lifecycle || policy)
        log.warn({ index, mode }, 'the server does not keep this retention; our own job deletes');
    }
    return done;
  };

  return { expire, retain };
}
