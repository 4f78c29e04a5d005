/**
 * Writes what Kibana imports: `node deploy/kibana/generate.ts [--prefix NAME] [--out FOLDER]`.
 * NAME is searchIndex.elasticsearch.indexPrefix. Fields are checked against the mapping while it writes.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { dataAccess } from './dashboards/data-access.ts';
import { gatewayHealth } from './dashboards/gateway-health.ts';
import { identity } from './dashboards/identity.ts';
import { incident } from './dashboards/incident.ts';
import { overview } from './dashboards/overview.ts';
import { DEFAULT_PREFIX, dataViews } from './data-views.ts';
import { detectionRuleLines } from './detection-rules.ts';
import { exportLines, type SavedObject } from './saved-object.ts';
import { searches } from './searches.ts';

/** All saved objects; what is referred to comes before what refers to it. */
export function savedObjects(prefix: string): SavedObject[] {
  const dashboards = [overview(), identity(), incident(), dataAccess(), gatewayHealth()];
  return [
    ...dataViews(prefix),
    ...searches(),
    ...dashboards.flatMap(({ panels }) => panels),
    ...dashboards.map(({ object }) => object),
  ];
}

/** Files by name. */
export const kibanaFiles = (prefix: string): Readonly<Record<string, string>> => ({
  'saved-objects.ndjson': exportLines(savedObjects(prefix)),
  'detection-rules.ndjson': detectionRuleLines(prefix),
});

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      prefix: { type: 'string', default: DEFAULT_PREFIX },
      out: { type: 'string', default: import.meta.dirname },
    },
  });
  const out = resolve(values.out);
  mkdirSync(out, { recursive: true });
  for (const [name, text] of Object.entries(kibanaFiles(values.prefix))) writeFileSync(join(out, name), text);
  console.log(`Wrote saved-objects.ndjson and detection-rules.ndjson into ${out}.`);
}
