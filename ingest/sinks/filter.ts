/** Which records a sink sends. */
import { BlockList, isIP } from 'node:net';
import type { SinkFilter, SinkSelection } from '../../schemas/config/sink-filter.ts';
import { severityNumber, type EcsValue } from '../../schemas/ecs/ecs-document.ts';
import { sinkError } from './errors.ts';

type Fields = Readonly<Record<string, EcsValue>>;
export type Matches = (fields: Fields) => boolean;
type Entry = string | number | boolean;
type Test = (value: Entry) => boolean;

const listOf = (value: EcsValue | undefined): readonly Entry[] =>
  value === undefined || value === null
    ? []
    : Array.isArray(value)
      ? (value as readonly Entry[])
      : [value as Entry];

/** `*` stands for any characters, `?` for one; a backslash takes their meaning away, as in Sigma. */
function wildcard(pattern: string, cased: boolean): RegExp {
  const source = pattern.replace(/\\([*?\\])|[*?]|[.+^${}()|[\]\\]/g, (found, escaped?: string) => {
    if (escaped !== undefined) return `\\${escaped}`;
    if (found === '*') return '.*';
    return found === '?' ? '.' : `\\${found}`;
  });
  return new RegExp(`^${source}$`, cased ? 'su' : 'siu');
}

const AROUND: Readonly<Record<string, (value: string) => string>> = {
  contains: (value) => `*${value}*`,
  startswith: (value) => `${value}*`,
  endswith: (value) => `*${value}`,
};
const COMPARE: Readonly<Record<string, (value: number, bound: number) => boolean>> = {
  gt: (value, bound) => value > bound,
  gte: (value, bound) => value >= bound,
  lt: (value, bound) => value < bound,
  lte: (value, bound) => value <= bound,
};
const FLAGS = new Set(['all', 'cased', 'exists', 'cidr']);

function inNetwork(network: string, invalid: (reason: string) => Error): Test {
  const [address = '', bits = ''] = network.split('/');
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  const list = new BlockList();
  try {
    list.addSubnet(address, Number(bits === '' ? Number.NaN : bits), family);
  } catch {
    throw invalid(`${network} is no network such as 10.0.0.0/8`);
  }
  return (value) => {
    const kind = typeof value === 'string' ? isIP(value) : 0;
    return kind > 0 && list.check(value as string, kind === 6 ? 'ipv6' : 'ipv4');
  };
}

/** The tests that a field's values are put to, one per wanted value. */
function testsOf(
  modifiers: readonly string[],
  wanted: readonly Entry[],
  invalid: (reason: string) => Error,
): Test[] {
  const compare = modifiers.find((modifier) => COMPARE[modifier] !== undefined);
  if (compare !== undefined) {
    return wanted.map((bound) => {
      if (typeof bound !== 'number') throw invalid(`${compare} needs a number`);
      return (value) => typeof value === 'number' && COMPARE[compare]!(value, bound);
    });
  }
  if (modifiers.includes('cidr')) return wanted.map((network) => inNetwork(String(network), invalid));
  const around = modifiers.find((modifier) => AROUND[modifier] !== undefined);
  return wanted.map((one) => {
    const text = around === undefined ? String(one) : AROUND[around]!(String(one));
    const pattern = wildcard(text, modifiers.includes('cased'));
    return (value) => pattern.test(String(value));
  });
}

function compileField(key: string, wanted: EcsValue, isField: (field: string) => boolean): Matches {
  const [field = '', ...modifiers] = key.split('|');
  const invalid = (reason: string): Error => sinkError('SINK_INVALID', { name: key, reason });
  if (!isField(field)) throw invalid(`no record has a field ${field}`);
  const unknown = modifiers.find(
    (name) => !FLAGS.has(name) && AROUND[name] === undefined && COMPARE[name] === undefined,
  );
  if (unknown !== undefined) throw invalid(`there is no modifier ${unknown}`);
  if (modifiers.includes('exists')) {
    if (typeof wanted !== 'boolean') throw invalid('exists needs true or false');
    return (fields) => listOf(fields[field]).length > 0 === wanted;
  }
  const tests = testsOf(modifiers, listOf(wanted), invalid);
  const combine = modifiers.includes('all') ? 'every' : 'some';
  return (fields) => {
    const values = listOf(fields[field]);
    return tests[combine]((test) => values.some(test));
  };
}

function compileSelection(selection: SinkSelection, isField: (field: string) => boolean): Matches {
  const fields = Object.entries(selection).map(([key, wanted]) => compileField(key, wanted, isField));
  return (document) => fields.every((matches) => matches(document));
}

/**
 * Compiles a filter, but for its topics. `isField`: whether some record can have a field, so that a typo is an error and not
 * silence. Throws SINK_INVALID.
 */
export function compileFilter(
  name: string,
  filter: SinkFilter,
  isField: (field: string) => boolean,
): Matches {
  const conditions: Matches[] = [];
  const among = (field: string, wanted: readonly string[] | undefined): void => {
    if (wanted === undefined) return;
    const any = wanted.map((pattern) => wildcard(pattern, true));
    conditions.push((fields) =>
      listOf(fields[field]).some((value) => any.some((one) => one.test(String(value)))),
    );
  };
  const atLeast = (field: string, bound: number): void => {
    conditions.push((fields) => typeof fields[field] === 'number' && fields[field] >= bound);
  };
  const { since, origins, severityMin, riskMin, where, unless } = filter;
  if (since !== undefined) {
    const from = Date.parse(since);
    if (Number.isNaN(from))
      throw sinkError('SINK_INVALID', { name, reason: `filter.since is no time: ${since}` });
    atLeast('@timestamp', from);
  }
  among('event.action', filter.actions);
  among('user.id', filter.identities);
  among('countersign.connection', filter.connections);
  if (origins !== undefined) {
    conditions.push((fields) => {
      const origin = fields['countersign.origin'];
      return origin === undefined || origins.some((wanted) => wanted === origin);
    });
  }
  if (severityMin !== undefined) atLeast('event.severity', severityNumber(severityMin));
  if (riskMin !== undefined) atLeast('event.risk_score', riskMin);
  const compile = (selections: readonly SinkSelection[]): Matches[] =>
    selections.map((selection) => {
      try {
        return compileSelection(selection, isField);
      } catch (error) {
        throw sinkError('SINK_INVALID', { name, reason: `filter: ${(error as Error).message}` }, error);
      }
    });
  if (where !== undefined) {
    const any = compile(where);
    conditions.push((fields) => any.some((matches) => matches(fields)));
  }
  if (unless !== undefined) {
    const none = compile(unless);
    conditions.push((fields) => !none.some((matches) => matches(fields)));
  }
  return (fields) => conditions.every((condition) => condition(fields));
}
