/** `node main/config-reference.ts` writes docs/configuration.md and schemas/config/countersign.schema.json from the TypeBox schema. */
import { writeFileSync } from 'node:fs';
import { variableOf } from '../platform/config/environment.ts';
import { PostgresOptions } from '../gateway/protocols/postgres/options.ts';
import { Config } from '../schemas/config/config.ts';

/** JSON Schema as the pages need to see it. */
interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
}

/** The configuration as JSON Schema for editors. Fields with a default may be left out, so only those without are required. */
export function configSchemaText(): string {
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Countersign configuration',
    ...(withoutRequired(JSON.parse(JSON.stringify(Config))) as object),
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

function withoutRequired(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutRequired);
  if (typeof value !== 'object' || value === null) return value;
  const schema = value as Schema & Record<string, unknown>;
  const required = Array.isArray(schema.required)
    ? schema.required.filter((name) => schema.properties?.[name]?.default === undefined)
    : undefined;
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key]) => key !== 'required' || (required !== undefined && required.length > 0))
      .map(([key, inner]) => [key, key === 'required' ? required : withoutRequired(inner)]),
  );
}

const plain = (schema: Schema): string => {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.anyOf !== undefined) return schema.anyOf.map(plain).join(' or ');
  if (schema.type === 'array') return `list of ${plain(schema.items ?? {})}`;
  if (schema.patternProperties !== undefined) return 'map';
  if (schema.type === 'object') return `{${Object.keys(schema.properties ?? {}).join(', ')}}`;
  return schema.type ?? 'any';
};

function range({ minimum, maximum }: Schema): string {
  if (minimum === undefined && maximum === undefined) return '';
  return ` (${minimum ?? ''}–${maximum ?? ''})`;
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

interface Field {
  readonly path: readonly string[];
  readonly schema: Schema;
}

/** Scalars and lists can be set by one variable; what stands inside of lists cannot. */
function rowsOf(fields: readonly Field[], inList: boolean): string[] {
  const head = inList
    ? ['| field | type | default | what |', '| --- | --- | --- | --- |']
    : ['| field | type | default | what | environment |', '| --- | --- | --- | --- | --- |'];
  return [
    ...head,
    ...fields.map(({ path, schema }) => {
      const cells = [
        `\`${path.join('.')}\``,
        cell(plain(schema) + range(schema)),
        schema.default === undefined ? '' : `\`${cell(JSON.stringify(schema.default))}\``,
        cell(schema.description ?? ''),
        ...(inList ? [] : [`\`${variableOf(path)}\``]),
      ];
      return `| ${cells.join(' | ')} |`;
    }),
  ];
}

const isSection = (schema: Schema): boolean =>
  schema.type === 'object' && schema.properties !== undefined && schema.patternProperties === undefined;

/** The fields below a section, sections within it included. */
function fieldsOf(schema: Schema, path: readonly string[]): Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, inner]) =>
    isSection(inner) ? fieldsOf(inner, [...path, name]) : [{ path: [...path, name], schema: inner }],
  );
}

/** Objects that lists hold get a table of their own, below the section. */
function listTables(fields: readonly Field[]): string[] {
  return fields.flatMap(({ path, schema }) => {
    if (schema.type !== 'array' || schema.items === undefined) return [];
    const shapes = schema.items.anyOf ?? [schema.items];
    return shapes.filter(isSection).flatMap((shape) => {
      const inner = fieldsOf(shape, []);
      return [
        '',
        `Each of \`${path.join('.')}\`${shape.description === undefined ? '' : `: ${shape.description}`}`,
        '',
        ...rowsOf(inner, true),
        ...listTables(inner),
      ];
    });
  });
}

function sectionOf(title: string, description: string, fields: readonly Field[]): string[] {
  return [
    '',
    `## ${title}`,
    '',
    ...(description === '' ? [] : [description, '']),
    ...rowsOf(fields, false),
    ...listTables(fields),
  ];
}

const INTRODUCTION = `# Configuration

One YAML file (\`countersign up --config FILE\`, or \`COUNTERSIGN_CONFIG\`), then the environment over it, then the defaults below.
\`countersign config check FILE\` names file, line and reason of every mistake, those in policy, playbooks, rules and directory too;
\`countersign config show FILE\` prints what is in force. Editors complete and check the file with
\`schemas/config/countersign.schema.json\`:

    # yaml-language-server: $schema=./schemas/config/countersign.schema.json

**Environment.** \`COUNTERSIGN_\` and the path: two underscores go one level down, one starts a new word. Values are YAML, so lists
can be written too: \`COUNTERSIGN_RULE_FOLDERS='[/etc/countersign/rules]'\`.

**Secrets** stand in it only by reference: \`{env: NAME}\`, \`{file: PATH}\` or \`{vault: PATH}\`.

**Reload.** \`SIGHUP\` or \`countersign reload\` reads \`policy\`, \`ruleFolders\`, the playbooks and the directory file again. With a mistake
anywhere nothing changes, and the answer names it. Everything else waits for a restart; the answer names that too.

This page is made by \`node main/config-reference.ts\`; a test holds it to the schema.
`;

/** docs/configuration.md */
export function configurationMarkdown(): string {
  const root = Config as unknown as Schema;
  const entries = Object.entries(root.properties ?? {});
  const general = entries
    .filter(([, schema]) => !isSection(schema))
    .map(([name, schema]) => ({ path: [name], schema }));
  const sections = entries.filter(([, schema]) => isSection(schema));
  return [
    INTRODUCTION.trimEnd(),
    ...sectionOf('General', '', general),
    ...sections.flatMap(([name, schema]) =>
      sectionOf(name, schema.description ?? '', fieldsOf(schema, [name])),
    ),
    '',
    '## Options of PostgreSQL connections',
    '',
    'What stands under `options` of a connection whose protocol is postgres.',
    '',
    ...rowsOf(fieldsOf(PostgresOptions as unknown as Schema, []), true),
    '',
  ].join('\n');
}

if (import.meta.main) {
  writeFileSync(new URL('../docs/configuration.md', import.meta.url), configurationMarkdown());
  writeFileSync(new URL('../schemas/config/countersign.schema.json', import.meta.url), configSchemaText());
}
