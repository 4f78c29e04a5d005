/**
 * Writes schemas/types.ts from the Avro schemas, so that TypeScript and the wire have one source.
 * Run: `node schemas/generate-types.ts`; a test fails when the file is out of date.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

interface AvroNamed {
  type: string;
  name?: string;
  doc?: string;
  fields?: { name: string; type: AvroType; doc?: string }[];
  symbols?: string[];
  items?: AvroType;
  values?: AvroType;
}
type AvroType = string | AvroNamed | AvroType[];

const PRIMITIVES: Record<string, string> = {
  null: 'null',
  boolean: 'boolean',
  int: 'number',
  long: 'number',
  float: 'number',
  double: 'number',
  string: 'string',
  bytes: 'Buffer',
};

/** Returns the text of schemas/types.ts for the schemas in a folder. Throws where two schemas give one name two meanings. */
export function generateTypes(schemaFolder: URL): string {
  const declarations = new Map<string, string>();
  const declare = (name: string, text: string, file: string): void => {
    const before = declarations.get(name);
    if (before !== undefined && before !== text)
      throw new Error(`${file}: ${name} has another meaning in another schema`);
    declarations.set(name, text);
  };
  const doc = (text: string | undefined, indent: string): string =>
    text === undefined ? '' : `${indent}/** ${text} */\n`;

  const render = (type: AvroType, file: string): string => {
    if (Array.isArray(type)) return type.map((branch) => render(branch, file)).join(' | ');
    if (typeof type === 'string') return PRIMITIVES[type] ?? type;
    if (type.type === 'array') {
      const item = render(type.items!, file);
      return item.includes('|') ? `(${item})[]` : `${item}[]`;
    }
    if (type.type === 'map') return `Record<string, ${render(type.values!, file)}>`;
    if (type.type === 'fixed') {
      declare(type.name!, `${doc(type.doc, '')}export type ${type.name} = Buffer;\n`, file);
      return type.name!;
    }
    if (type.type === 'enum') {
      const union = type.symbols!.map((symbol) => `'${symbol}'`).join(' | ');
      if (type.symbols!.length === 1) return union;
      declare(type.name!, `${doc(type.doc, '')}export type ${type.name} = ${union};\n`, file);
      return type.name!;
    }
    if (type.type === 'record') {
      const fields = type.fields!.map(
        (field) => `${doc(field.doc, '  ')}  ${field.name}: ${render(field.type, file)};\n`,
      );
      declare(type.name!, `${doc(type.doc, '')}export interface ${type.name} {\n${fields.join('')}}\n`, file);
      return type.name!;
    }
    return PRIMITIVES[type.type] ?? type.type;
  };

  for (const file of readdirSync(schemaFolder)
    .filter((name) => name.endsWith('.avsc'))
    .sort()) {
    render(JSON.parse(readFileSync(new URL(file, schemaFolder), 'utf8')) as AvroNamed, file);
  }
  const header = '// Made from schemas/avro by `node schemas/generate-types.ts`; do not edit.\n\n';
  return header + [...declarations.values()].join('\n');
}

if (import.meta.main) {
  writeFileSync(new URL('types.ts', import.meta.url), generateTypes(new URL('avro/', import.meta.url)));
}
