import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import type { TSchema } from 'typebox';
import Value from 'typebox/value';
import { FIELD_TYPES } from '../../../schemas/ecs/field-types.ts';
import { DOCUMENT_MAPPINGS } from '../../../schemas/ecs/documents.ts';
import { fieldType, groupable, numeric } from '../fields.ts';
import { kibanaFiles } from '../generate.ts';
import { INCIDENT_SEARCH } from '../../../schemas/kibana-link.ts';
import { incidentUrlTemplate } from '../links.ts';
import { Rule, RuleExportDetails } from './format/detection-rules.ts';
import { Control, ExportDetails, OBJECTS, Panel, VISUALIZATIONS } from './format/saved-objects.ts';
import { comparisons } from './kql.ts';

const folder = resolve(import.meta.dirname, '..');
const lines = (name: string): unknown[] =>
  readFileSync(join(folder, name), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);

interface Exported {
  readonly id: string;
  readonly type: keyof typeof OBJECTS;
  readonly attributes: Readonly<Record<string, never>>;
  readonly references: readonly { id: string; name: string; type: string }[];
}
const objects = lines('saved-objects.ndjson').slice(0, -1) as Exported[];
const rules = lines('detection-rules.ndjson').slice(0, -1) as Record<string, never>[];
const ofType = (type: Exported['type']): Exported[] => objects.filter((object) => object.type === type);

const fits = (schema: TSchema, value: unknown, what: string): void => {
  const problems = Value.Errors(schema, value).map(
    ({ instancePath, message }) => `${instancePath} ${message}`,
  );
  assert.deepEqual(problems.slice(0, 5), [], what);
};

interface Column {
  readonly operationType: string;
  readonly sourceField: string;
  readonly isBucketed: boolean;
  readonly filter?: { readonly query: string };
  readonly params: { readonly sortField?: string; readonly orderBy?: { readonly columnId: string } };
}
interface LensState {
  readonly query: { readonly query: string };
  readonly datasourceStates: {
    readonly formBased: {
      readonly layers: Record<
        string,
        { columnOrder: string[]; columns: Record<string, Column>; indexPatternId: string }
      >;
    };
  };
  readonly visualization: unknown;
}
const stateOf = (lens: Exported): LensState => lens.attributes['state'] as unknown as LensState;
const queryOf = (search: Exported): string => {
  const meta = search.attributes['kibanaSavedObjectMeta'] as unknown as { searchSourceJSON: string };
  return (JSON.parse(meta.searchSourceJSON) as { query: { query: string } }).query.query;
};

/** Every KQL query of the shipped files, with where it stands. */
function allQueries(): [where: string, query: string][] {
  return [
    ...[...ofType('search'), ...ofType('dashboard')].map((object): [string, string] => [
      object.id,
      queryOf(object),
    ]),
    ...ofType('lens').flatMap((object) => {
      const { query, datasourceStates } = stateOf(object);
      const columns = Object.values(datasourceStates.formBased.layers).flatMap((layer) =>
        Object.values(layer.columns),
      );
      const filters = columns.flatMap(({ filter }) => (filter === undefined ? [] : [filter.query]));
      return [query.query, ...filters].map((one): [string, string] => [object.id, one]);
    }),
    ...rules.map((rule): [string, string] => [rule['rule_id']!, rule['query']!]),
  ];
}

/** Words that records can hold in the fields that queries ask for: the enumerations of the Avro schemas, and ours beside them. */
function knownWords(): Set<string> {
  const words = new Set(['*', 'true', 'alert', 'success', 'failure', 'drop', 'truncate', 'delete', 'export']);
  for (const { topic } of DOCUMENT_MAPPINGS) words.add(topic);
  for (const file of globSync('schemas/avro/*.avsc', { cwd: resolve(folder, '..', '..') }))
    for (const match of readFileSync(resolve(folder, '..', '..', file), 'utf8').matchAll(
      /"symbols":\s*\[([^\]]*)\]/g,
    ))
      for (const symbol of match[1]!.matchAll(/"(\w+)"/g)) words.add(symbol[1]!);
  return words;
}

describe('Kibana: shipped files', () => {
  it('are what the generator writes', () => {
    for (const [name, text] of Object.entries(kibanaFiles('countersign')))
      assert.equal(readFileSync(join(folder, name), 'utf8'), text, 'run `node deploy/kibana/generate.ts`');
  });

  it('can be made for another index prefix', () => {
    const files = kibanaFiles('audit');
    assert.ok(files['saved-objects.ndjson']!.includes('"title":"audit-detections"'));
    assert.ok(!/"(title|index)":\[?"countersign-/.test(Object.values(files).join('\n')));
  });

  it('have every object that was asked for', () => {
    assert.deepEqual(
      ofType('dashboard').map(({ id }) => id.replace('countersign-dashboard-', '')),
      ['overview', 'identity', 'incident', 'data-access', 'gateway-health'],
    );
    assert.equal(ofType('index-pattern').length, DOCUMENT_MAPPINGS.length + 1);
    assert.ok(ofType('search').length >= 9 && ofType('lens').length >= 40 && rules.length >= 10);
  });
});

describe('Kibana: saved objects', () => {
  it('follow the export format', () => {
    for (const object of objects) fits(OBJECTS[object.type], object, object.id);
    const details = lines('saved-objects.ndjson').at(-1);
    fits(ExportDetails, details, 'closing line');
    assert.equal((details as { exportedCount: number }).exportedCount, objects.length);
    assert.equal(new Set(objects.map(({ type, id }) => `${type}/${id}`)).size, objects.length);
  });

  it('refer only to what is there, before they do', () => {
    const seen = new Set<string>();
    for (const { id, type, references } of objects) {
      for (const reference of references)
        assert.ok(
          seen.has(`${reference.type}/${reference.id}`),
          `${id} refers to ${reference.type}/${reference.id}`,
        );
      assert.equal(new Set(references.map(({ name }) => name)).size, references.length, id);
      seen.add(`${type}/${id}`);
    }
  });

  it('ask for fields that documents have, in a way that their type allows', () => {
    let columns = 0;
    for (const lens of ofType('lens')) {
      for (const layer of Object.values(stateOf(lens).datasourceStates.formBased.layers)) {
        for (const { operationType, sourceField, params } of Object.values(layer.columns)) {
          columns += 1;
          if (sourceField === '___records___') assert.equal(operationType, 'count', lens.id);
          else if (['sum', 'max', 'min', 'average', 'percentile'].includes(operationType))
            numeric(sourceField);
          else groupable(sourceField);
          if (params.sortField !== undefined) assert.equal(fieldType(params.sortField), 'date');
        }
      }
    }
    assert.ok(columns > 100);
    for (const search of ofType('search')) {
      for (const field of search.attributes['columns'] as unknown as string[]) fieldType(field);
      for (const [field] of search.attributes['sort'] as unknown as string[][]) groupable(field!);
    }
    for (const view of ofType('index-pattern')) {
      groupable(view.attributes['timeFieldName']!);
      for (const field of Object.keys(JSON.parse(view.attributes['fieldFormatMap']!) as object))
        fieldType(field);
    }
    assert.throws(() => groupable('message'));
    assert.throws(() => numeric('user.id'));
    assert.throws(() => fieldType('user.nme'));
  });

  it('are queries of the language on fields and words that exist', () => {
    const words = knownWords();
    let compared = 0;
    for (const [where, query] of allQueries()) {
      for (const { field, values } of comparisons(query)) {
        assert.ok(FIELD_TYPES[field] !== undefined, `${where}: no field ${field}`);
        for (const value of values) {
          compared += 1;
          assert.ok(words.has(value) || /^\d+$/.test(value), `${where}: nothing is ever ${field} : ${value}`);
        }
      }
    }
    assert.ok(compared > 60);
    assert.throws(() => comparisons('event.action : ("a" or'));
    assert.throws(() => comparisons('event.action "a"'));
  });

  it('hang together inside a visualization', () => {
    for (const lens of ofType('lens')) {
      const { datasourceStates, visualization } = stateOf(lens);
      const kind = lens.attributes['visualizationType']! as keyof typeof VISUALIZATIONS;
      fits(VISUALIZATIONS[kind], visualization, lens.id);
      for (const [layerId, layer] of Object.entries(datasourceStates.formBased.layers)) {
        const ids = Object.keys(layer.columns);
        assert.deepEqual(layer.columnOrder, ids, lens.id);
        const isBucketed = ids.map((id) => layer.columns[id]!.isBucketed);
        assert.deepEqual(
          isBucketed,
          isBucketed.toSorted((a, b) => Number(b) - Number(a)),
          `${lens.id}: buckets first`,
        );
        for (const { params } of Object.values(layer.columns))
          if (params.orderBy !== undefined)
            assert.equal(layer.columns[params.orderBy.columnId]?.isBucketed, false);
        const reference = lens.references.find(
          ({ name }) => name === `indexpattern-datasource-layer-${layerId}`,
        );
        assert.equal(reference?.id, layer.indexPatternId);
        const named = [...JSON.stringify(visualization).matchAll(/"(?:\w*[aA]ccessor|columnId)":"([^"]+)"/g)];
        for (const [, columnId] of named) assert.ok(ids.includes(columnId!), `${lens.id}: ${columnId}`);
      }
    }
  });

  it('fill the grid of each dashboard without covering one another', () => {
    for (const dashboard of ofType('dashboard')) {
      const panels = JSON.parse(dashboard.attributes['panelsJSON']!) as {
        gridData: { x: number; y: number; w: number; h: number };
        panelIndex: string;
        panelRefName: string;
        type: string;
      }[];
      const taken = new Set<string>();
      for (const panel of panels) {
        fits(Panel, panel, dashboard.id);
        const reference = dashboard.references.find(
          ({ name }) => name === `${panel.panelIndex}:${panel.panelRefName}`,
        );
        assert.equal(reference?.type, panel.type);
        const { x, y, w, h } = panel.gridData;
        assert.ok(x + w <= 48, dashboard.id);
        for (let column = x; column < x + w; column += 1) {
          for (let row = y; row < y + h; row += 1) {
            assert.ok(!taken.has(`${column},${row}`), `${dashboard.id} ${panel.panelIndex}`);
            taken.add(`${column},${row}`);
          }
        }
      }
      const controls = (dashboard.attributes['controlGroupInput'] as unknown as { panelsJSON: string })
        .panelsJSON;
      for (const [id, control] of Object.entries(
        JSON.parse(controls) as Record<string, { explicitInput: { fieldName: string } }>,
      )) {
        fits(Control, control, dashboard.id);
        groupable(control.explicitInput.fieldName);
        const name = `controlGroup_${id}:optionsListDataView`;
        assert.equal(dashboard.references.find((one) => one.name === name)?.type, 'index-pattern');
      }
    }
  });

  it('make an incident’s id a link to everything about it', () => {
    const template = incidentUrlTemplate();
    assert.ok(template.startsWith(`/app/discover#/view/${INCIDENT_SEARCH}?`));
    assert.ok(ofType('search').some(({ id }) => id === INCIDENT_SEARCH));
    const query = decodeURIComponent(/query:'([^']+)'/.exec(template.replace('{{value}}', 'i-1'))![1]!);
    assert.deepEqual(
      comparisons(query).map(({ field, operator, values }) => [field, operator, ...values]),
      [['countersign.incident.id', ':', 'i-1']],
    );
    for (const view of ofType('index-pattern')) {
      const formats = JSON.parse(view.attributes['fieldFormatMap']!) as Record<
        string,
        { params: { urlTemplate?: string } }
      >;
      assert.equal(formats['countersign.incident.id']!.params.urlTemplate, template);
    }
  });
});

describe('Elastic Security: detection rules', () => {
  it('follow the format of rules', () => {
    for (const rule of rules) fits(Rule, rule, rule['rule_id']!);
    const details = lines('detection-rules.ndjson').at(-1);
    fits(RuleExportDetails, details, 'closing line');
    assert.equal((details as { exported_rules_count: number }).exported_rules_count, rules.length);
    assert.equal(new Set(rules.map((rule) => rule['rule_id'])).size, rules.length);
  });

  it('name fields that their documents have', () => {
    for (const rule of rules as unknown as Record<string, unknown>[]) {
      const shown = (rule['investigation_fields'] as { field_names: string[] }).field_names;
      const mapped = [
        ...(rule['severity_mapping'] as { field: string }[]),
        ...(rule['risk_score_mapping'] as { field: string }[]),
      ];
      shown.forEach(fieldType);
      mapped.forEach(({ field }) => groupable(field));
      const kinds = rule as { threshold?: { field: string[] }; new_terms_fields?: string[] };
      [...(kinds.threshold?.field ?? []), ...(kinds.new_terms_fields ?? [])].forEach(groupable);
    }
  });

  it('look into topics that are indexed', () => {
    const indices = new Set(DOCUMENT_MAPPINGS.map(({ index }) => `countersign-${index}`));
    for (const rule of rules)
      for (const index of rule['index']! as string[]) assert.ok(indices.has(index), index);
  });
});
