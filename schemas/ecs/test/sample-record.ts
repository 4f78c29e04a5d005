/** Records made from an Avro schema: every leaf has a value of its own, so that a mapping can be asked where each went. */
interface NamedType {
  type: AvroType;
  name?: string;
  namespace?: string;
  size?: number;
  symbols?: string[];
  items?: AvroType;
  values?: AvroType;
  fields?: { name: string; type: AvroType }[];
}
type AvroType = string | AvroType[] | NamedType;

export interface Leaf {
  /** Such as `body.actions[0].object`. */
  readonly path: string;
  readonly record: unknown;
  /** The record with only this leaf changed. */
  readonly changed: unknown;
}

const branches = (union: AvroType[]): AvroType[] => union.filter((branch) => branch !== 'null');

/** One sample per branch of the union `body`, or one where there is none; with its leaves. */
export function sampleRecords(schemaJson: string): { kind: string; record: unknown; leaves: Leaf[] }[] {
  const schema = JSON.parse(schemaJson) as NamedType;
  const body = schema.fields!.find(({ name }) => name === 'body')?.type;
  const kinds = Array.isArray(body) ? branches(body).length : 1;
  return Array.from({ length: kinds }, (_, branch) => {
    const { record, paths } = sample(schema, branch, undefined);
    const kind = (record as { body?: { kind?: string } }).body?.kind ?? schema.name!;
    const leaves = paths.map((path) => ({ path, record, changed: sample(schema, branch, path).record }));
    return { kind, record, leaves };
  });
}

/** `flip` names the leaf that takes its other value. */
function sample(
  schema: NamedType,
  bodyBranch: number,
  flip: string | undefined,
): { record: unknown; paths: string[] } {
  const named = new Map<string, NamedType>();
  const paths: string[] = [];
  let counter = 1000;
  const register = (type: AvroType): void => {
    if (Array.isArray(type)) type.forEach(register);
    else if (typeof type === 'object') {
      if (type.name !== undefined) named.set(type.name, type);
      for (const field of type.fields ?? []) register(field.type);
      for (const inner of [type.items, type.values]) if (inner !== undefined) register(inner);
      if (typeof type.type === 'object') register(type.type);
    }
  };
  register(schema);

  const leaf = (path: string, usual: unknown, other: unknown): unknown => {
    paths.push(path);
    return path === flip ? other : usual;
  };
  const make = (type: AvroType, path: string): unknown => {
    if (Array.isArray(type)) return make(branches(type)[path === 'body' ? bodyBranch : 0]!, path);
    const resolved = typeof type === 'string' ? (named.get(type) ?? type) : type;
    const name = typeof resolved === 'string' ? resolved : resolved.type;
    if (typeof name !== 'string') return make(name, path);
    counter += 1;
    const full = resolved as NamedType;
    switch (name) {
      case 'record':
        return Object.fromEntries(
          full.fields!.map((field) => [
            field.name,
            make(field.type, path === '' ? field.name : `${path}.${field.name}`),
          ]),
        );
      case 'array':
        return [make(full.items!, `${path}[0]`), make(full.items!, `${path}[1]`)];
      case 'map':
        return { claim: make(full.values!, `${path}.claim`) };
      case 'enum':
        return full.symbols!.length === 1 ? full.symbols![0] : leaf(path, full.symbols![0], full.symbols![1]);
      case 'boolean':
        // Only the first of a list is true, since a flat document can say "any of them".
        return leaf(path, !path.includes('[1]'), path.includes('[1]'));
      case 'string':
        return leaf(path, `text of ${path}`, `other text of ${path}`);
      case 'fixed':
        return leaf(path, Buffer.alloc(full.size!, counter % 251), Buffer.alloc(full.size!, 255));
      case 'bytes':
        return leaf(path, Buffer.from(`bytes of ${path}`), Buffer.from(`other bytes of ${path}`));
      default:
        return leaf(path, counter, counter + 500_000);
    }
  };
  return { record: make(schema, ''), paths };
}
