/**
 * Saved objects as Kibana exports them: one JSON object a line, each with the version of its type's model, so that a newer Kibana
 * brings it up to date when it is imported. Versions are those of Kibana 8.19; docs/kibana.md says with which it is meant to work.
 */
export interface Reference {
  readonly id: string;
  readonly name: string;
  readonly type: string;
}

export interface SavedObject {
  readonly id: string;
  readonly type: 'index-pattern' | 'search' | 'lens' | 'dashboard';
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly references: readonly Reference[];
}

const MODEL_VERSIONS: Readonly<Record<SavedObject['type'], string>> = {
  'index-pattern': '8.0.0',
  search: '10.5.0',
  lens: '8.9.0',
  dashboard: '10.2.0',
};
const CORE_VERSION = '8.8.0';

/** Lines of an export, with its closing line. Keys are sorted as Kibana's export sorts them. */
export function exportLines(objects: readonly SavedObject[]): string {
  const lines = objects.map(({ id, type, attributes, references }) => ({
    attributes,
    coreMigrationVersion: CORE_VERSION,
    id,
    managed: false,
    references,
    type,
    typeMigrationVersion: MODEL_VERSIONS[type],
  }));
  const details = {
    excludedObjects: [],
    excludedObjectsCount: 0,
    exportedCount: objects.length,
    missingRefCount: 0,
    missingReferences: [],
  };
  return `${[...lines, details].map((line) => JSON.stringify(line)).join('\n')}\n`;
}

/** `searchSourceJSON` of an object; `indexRefName` where it names its data view. */
export function searchSource(query: string, indexRefName?: string): { searchSourceJSON: string } {
  return {
    searchSourceJSON: JSON.stringify({
      query: { query, language: 'kuery' },
      filter: [],
      ...(indexRefName === undefined ? {} : { indexRefName }),
    }),
  };
}
