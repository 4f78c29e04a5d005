/** The data streams and indices behind the names of the port: made when first written to, and of which parts they consist. */
import { DOCUMENT_MAPPINGS } from '../../../schemas/ecs/documents.ts';
import type { ElasticsearchConfig } from '../../../schemas/config/elasticsearch.ts';
import type { Logger } from '../../log/log.ts';
import { searchIndexError } from '../errors.ts';
import { reasonOf, type Connection } from './connection.ts';
import type { Lifecycle, Templates } from './templates.ts';

export interface Part {
  readonly name: string;
  readonly createdAt: number;
}

export interface Streams {
  nameOf(index: string): string;
  /** Puts the templates of an index, once; `stream` for `create`, a plain index for `upsert`. */
  ensure(index: string, stream: boolean): Promise<void>;
  /** Backing indices, oldest first; the last one is written to. Asked of the server again after `forget`. */
  parts(index: string): Promise<readonly Part[]>;
  forget(index: string): void;
  /** After a failure: what is known of an index may be gone with a server that was set up anew, and is made again. */
  distrust(index: string): void;
  setLifecycle(index: string, lifecycle: Lifecycle): Promise<void>;
}

/** Names come from our code; a program error must not fill the cluster with templates. */
const NAMES_MAX = 1000;
const UPSERTED = new Set(
  DOCUMENT_MAPPINGS.filter(({ write }) => write === 'upsert').map(({ index }) => index),
);
/** True for an index whose documents are replaced by id, which a data stream does not allow. */
export const isPlain = (index: string): boolean => UPSERTED.has(index);

export function createStreams(
  { connection, log, templates }: { connection: Connection; log: Logger; templates: Templates },
  config: ElasticsearchConfig,
): Streams {
  const ensured = new Map<string, Promise<void>>();
  const parts = new Map<string, Promise<readonly Part[]>>();
  const lifecycles = new Map<string, Lifecycle>();
  let components: Promise<void> | undefined;
  const nameOf = (index: string): string => `${config.indexPrefix}-${index}`;

  /** Each process puts the same; what is there already changes nothing in the cluster. */
  const putComponents = async (): Promise<void> => {
    for (const [name, component] of Object.entries(templates.components))
      await connection.request('PUT', `/_component_template/${name}`, component);
  };
  const putTemplate = async (index: string, stream: boolean): Promise<void> => {
    components ??= putComponents().catch((error: unknown) => {
      components = undefined;
      throw error;
    });
    await components;
    const name = nameOf(index);
    const template = templates.index(name, stream, lifecycles.get(index) ?? {});
    await connection.request('PUT', `/_index_template/${name}`, template);
    await update(name, stream);
  };

  /** Gives an index that is there already the fields that it lacks. */
  const update = async (name: string, stream: boolean): Promise<void> => {
    const path = `/${name}/_mapping?ignore_unavailable=true&filter_path=*.mappings._meta`;
    const { body } = await connection.request('GET', path, undefined, { allowed: [404] });
    const versions = Object.entries(
      body as Readonly<Record<string, { mappings?: { _meta?: { countersign?: { mapping?: string } } } }>>,
    ).toSorted(([a], [b]) => (a < b ? -1 : 1));
    const newest = versions.at(-1)?.[1].mappings?._meta?.countersign?.mapping;
    const { status: there } = await connection.request('HEAD', `/${name}`, undefined, { allowed: [404] });
    if (there === 404 || newest === templates.mappingVersion) return;
    const put = `/${name}/_mapping${stream ? '?write_index_only=true' : ''}`;
    const { status, body: answer } = await connection.request('PUT', put, templates.mappings, {
      allowed: [400],
    });
    if (status !== 400) return;
    const reason = reasonOf(answer, status);
    if (stream) {
      log.warn(
        { name, reason },
        'a data stream holds fields of other types; new documents go to a new backing index',
      );
      await connection.request('POST', `/${name}/_rollover`, {});
    } else
      log.error(
        { name, reason },
        'an index holds fields of other types; what does not fit is refused until it is rebuilt',
      );
  };

  const load = async (index: string): Promise<readonly Part[]> => {
    const path = `/${nameOf(index)}/_settings/index.creation_date?flat_settings=true&ignore_unavailable=true&allow_no_indices=true`;
    const { status, body } = await connection.request('GET', path, undefined, { allowed: [404] });
    if (status === 404) return [];
    return Object.entries(body as Readonly<Record<string, { settings: Record<string, string> }>>)
      .map(([name, { settings }]) => ({ name, createdAt: Number(settings['index.creation_date']) }))
      .toSorted((a, b) => a.createdAt - b.createdAt || (a.name < b.name ? -1 : 1));
  };

  const ensure = (index: string, stream: boolean): Promise<void> => {
    if (config.templates === 'expect') return Promise.resolve();
    const known = ensured.get(index);
    if (known !== undefined) return known;
    if (ensured.size >= NAMES_MAX)
      return Promise.reject(searchIndexError('SEARCH_INDEX_UNAVAILABLE', { reason: 'too many indexes' }));
    const made = putTemplate(index, stream).catch((error: unknown) => {
      ensured.delete(index);
      throw error;
    });
    ensured.set(index, made);
    return made;
  };

  return {
    nameOf,
    ensure,
    parts(index) {
      let known = parts.get(index);
      if (known === undefined) {
        if (parts.size >= NAMES_MAX) parts.clear();
        known = load(index).catch((error: unknown) => {
          parts.delete(index);
          throw error;
        });
        parts.set(index, known);
      }
      return known;
    },
    forget: (index) => void parts.delete(index),
    distrust(index) {
      parts.delete(index);
      ensured.delete(index);
      components = undefined;
    },
    async setLifecycle(index, lifecycle) {
      lifecycles.set(index, lifecycle);
      ensured.delete(index);
      await ensure(index, !isPlain(index));
    },
  };
}
