/** Component and index templates: the type of every field comes from schemas/ecs/field-types.ts. */
import { sha256Hex } from '../../digest/sha256.ts';
import type { ElasticsearchConfig } from '../../../schemas/config/elasticsearch.ts';
import { FIELD_TYPES, type FieldType } from '../../../schemas/ecs/field-types.ts';
import { isTextField } from '../text-fields.ts';
import { ALL_TEXT, DOCUMENT_ID, SCALARS, TERMS, UNMAPPED } from './document-form.ts';
import type { Features } from './features.ts';

/** Lucene refuses terms over 32,766 bytes; so many characters are never longer, and the port looks for values up to 8 KiB. */
const EXACT_CHARS_MAX = 8191;
const exact = { type: 'keyword', ignore_above: EXACT_CHARS_MAX };
/** Above Elastic's own templates (100 to 200) and Fleet's, for a prefix such as `logs-countersign`. */
const PRIORITY = 500;

type Mapping = Readonly<Record<string, unknown>>;

function mappingOf(type: FieldType, features: Features): Mapping {
  switch (type) {
    case 'keyword':
      return exact;
    case 'wildcard':
      return features.wildcard ? { type, ignore_above: EXACT_CHARS_MAX } : exact;
    case 'text':
      return { type: features.matchOnlyText ? 'match_only_text' : 'text', fields: { keyword: exact } };
    case 'stored':
      return { type: 'keyword', index: false, doc_values: false };
    case 'ip':
      // The copy finds an address as it is written, and by its start.
      return { type, fields: { keyword: exact } };
    case 'date':
      // In this order: the standard one takes 1000 (milliseconds) for a year.
      return { type, format: 'epoch_millis||strict_date_optional_time' };
    default:
      return { type };
  }
}

const STRINGS: ReadonlySet<FieldType> = new Set(['keyword', 'wildcard', 'text', 'ip']);

function properties(own: boolean, features: Features): Record<string, Mapping> {
  const fields = Object.entries(FIELD_TYPES).filter(([field]) => field.startsWith('countersign.') === own);
  return Object.fromEntries(
    fields.map(([field, type]) => {
      const copied = STRINGS.has(type) && isTextField(field);
      return [field, { ...mappingOf(type, features), ...(copied ? { copy_to: ALL_TEXT } : {}) }];
    }),
  );
}

const analyzer = (features: Features): string => (features.analysis ? 'countersign_words' : 'standard');

/** Fields that no mapping of ours has; they serve the queries. */
function helpers(features: Features): Record<string, Mapping> {
  const words = { type: 'text', norms: false, analyzer: analyzer(features) };
  return {
    [DOCUMENT_ID]: { type: 'keyword' },
    [ALL_TEXT]: words,
    [TERMS]: exact,
    [SCALARS]: exact,
    [`${UNMAPPED}.text`]: { type: 'text', index: false, norms: false, copy_to: ALL_TEXT },
    [`${UNMAPPED}.source`]: { type: 'object', enabled: false },
  };
}

function settings(config: ElasticsearchConfig, features: Features): object {
  return {
    index: {
      number_of_shards: config.shardsCount,
      number_of_replicas: config.replicasCount,
      refresh_interval: `${config.refreshMs}ms`,
      ...(features.analysis ? { analysis: ANALYSIS } : {}),
    },
  };
}

const ANALYSIS = {
  tokenizer: {
    countersign_words: {
      type: 'char_group',
      tokenize_on_chars: ['whitespace', 'punctuation', 'symbol', '\u0000'],
    },
  },
  analyzer: {
    countersign_words: { type: 'custom', tokenizer: 'countersign_words', filter: ['lowercase'] },
  },
};

export interface Templates {
  /** By name. */
  readonly components: Readonly<Record<string, { template: object }>>;
  /** Changes when a mapping does. */
  readonly mappingVersion: string;
  /** All properties of a mapping, for an index that is there already. */
  readonly mappings: object;
  index(name: string, stream: boolean, lifecycle: Lifecycle): object;
}

export type Lifecycle = { readonly retention?: string; readonly policy?: string };

export function createTemplates(config: ElasticsearchConfig, features: Features): Templates {
  const ecs = properties(false, features);
  const own = { ...properties(true, features), ...helpers(features) };
  const mappingVersion = sha256Hex(JSON.stringify([ecs, own]), 16);
  const meta = { countersign: { mapping: mappingVersion } };
  const { indexPrefix } = config;
  const components = {
    [`${indexPrefix}-settings`]: { template: { settings: settings(config, features) } },
    [`${indexPrefix}-ecs`]: { template: { mappings: { properties: ecs } } },
    [`${indexPrefix}-own`]: {
      // What nobody gave a type to is kept in the document, and never becomes a field by chance.
      template: { mappings: { dynamic: false, date_detection: false, _meta: meta, properties: own } },
    },
  };
  return {
    components,
    mappingVersion,
    mappings: { _meta: meta, properties: { ...ecs, ...own } },
    index: (name, stream, { retention, policy }) => ({
      index_patterns: [name],
      priority: PRIORITY,
      ...(stream ? { data_stream: {} } : {}),
      composed_of: Object.keys(components),
      template: {
        ...(retention === undefined ? {} : { lifecycle: { data_retention: retention } }),
        ...(policy === undefined ? {} : { settings: { index: { lifecycle: { name: policy } } } }),
      },
      _meta: { description: 'Written by Countersign; changes are overwritten at its next start.' },
    }),
  };
}
