/** What a server can do. Every server of Elastic's default distribution has all of it; a bare one (tests) has little. */
import type { Logger } from '../../log/log.ts';
import type { Connection } from './connection.ts';

export interface Features {
  readonly version: string;
  /** Deletes the old documents of data streams by itself. */
  readonly lifecycle: boolean;
  readonly ilm: boolean;
  readonly matchOnlyText: boolean;
  readonly wildcard: boolean;
  /** Tokenizers beyond the standard one. */
  readonly analysis: boolean;
}

/** Module of the server that brings each feature, and what lacks without it. */
const MODULES = {
  lifecycle: ['data-streams', 'no data stream lifecycle'],
  ilm: ['x-pack-ilm', 'no index lifecycle policies'],
  matchOnlyText: ['mapper-extras', 'texts are indexed as text, which takes more room'],
  wildcard: ['wildcard', 'command lines and addresses are found by their start only'],
  analysis: [
    'analysis-common',
    'words that are joined by a dot or an underscore (public.users) are found as a whole only',
  ],
} as const;

type FeatureName = keyof typeof MODULES;
const NAMES = Object.keys(MODULES) as FeatureName[];

interface NodesAnswer {
  readonly nodes?: Readonly<
    Record<string, { readonly version: string; readonly modules?: readonly { readonly name: string }[] }>
  >;
}

/** Asks all nodes; what one of them lacks is not used. Rejects with SEARCH_INDEX_UNAVAILABLE or SEARCH_INDEX_FORBIDDEN. */
export async function probeFeatures(connection: Connection, log: Logger): Promise<Features> {
  const path = '/_nodes/plugins?filter_path=nodes.*.version,nodes.*.modules.name';
  const { status, body } = await connection.request('GET', path, undefined, {
    allowed: [400, 403, 404, 410],
  });
  const nodes = Object.values((body as NodesAnswer).nodes ?? {});
  if (status !== 200 || nodes.length === 0) {
    log.info(
      { status },
      'the server does not say which modules it has; all of a default distribution are taken to be there',
    );
    return {
      version: 'unknown',
      ...(Object.fromEntries(NAMES.map((name) => [name, true])) as Record<FeatureName, true>),
    };
  }
  const has = (name: FeatureName): boolean =>
    nodes.every(({ modules = [] }) => modules.some((module) => module.name === MODULES[name][0]));
  const found = Object.fromEntries(NAMES.map((name) => [name, has(name)])) as Record<FeatureName, boolean>;
  const lacking = NAMES.filter((name) => !found[name]).map(
    (name) => `${MODULES[name][0]}: ${MODULES[name][1]}`,
  );
  const version = nodes[0]!.version;
  log.info({ version, nodes: nodes.length }, 'search index on Elasticsearch');
  if (lacking.length > 0) log.warn({ lacking }, 'the Elasticsearch server lacks modules; done without');
  return { version, ...found };
}
