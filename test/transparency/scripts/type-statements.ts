/** Every common type: as a literal, as NULL, as an array; each is asked for as text and in binary. */

const VALUES: Readonly<Record<string, readonly string[]>> = {
  boolean: ['true', 'false'],
  smallint: ['-32768'],
  integer: ['2147483647'],
  bigint: ['-9223372036854775808'],
  'numeric(30, 10)': ['12345678901234567890.0123456789', '0'],
  numeric: ["'NaN'", "'Infinity'", '1e-100'],
  real: ["'1.5'", "'-Infinity'"],
  'double precision': ['0.1', "'NaN'"],
  money: ["'12.34'"],
  text: ["'grüße, мир, 世界 🐘'", "''", "'it''s'"],
  'varchar(5)': ["'abc'"],
  'char(4)': ["'ab'"],
  '"char"': ["'x'"],
  name: ["'a_name'"],
  bytea: ["'\\x00ff10'", "''"],
  date: ["'2024-02-29'", "'infinity'", "'0044-03-15 BC'"],
  time: ["'23:59:59.999999'"],
  timetz: ["'12:00:00+02'"],
  timestamp: ["'2024-01-01 00:00:00.5'", "'-infinity'"],
  timestamptz: ["'2024-06-01 12:00:00+02'"],
  interval: ["'1 year 2 mons 3 days 04:05:06.7'", "'-1 day'"],
  uuid: ["'0193a000-0000-7000-8000-000000000001'"],
  json: ['\'{"a": [1, 2, null]}\''],
  jsonb: ['\'{"b": 1, "a": {"c": "d"}}\''],
  jsonpath: ["'$.a[*] ? (@ > 1)'"],
  xid: ["'123'"],
  oid: ["'16384'"],
  regclass: ["'pg_class'"],
  regtype: ["'integer'"],
  inet: ["'192.168.0.1/24'", "'2001:db8::1'"],
  cidr: ["'10.0.0.0/8'"],
  macaddr: ["'08:00:2b:01:02:03'"],
  bit: ["B'1'"],
  'bit varying': ["B'10101'"],
  point: ["'(1,2)'"],
  box: ["'(1,2),(3,4)'"],
  polygon: ["'((0,0),(1,1),(2,0))'"],
  circle: ["'<(1,2),3>'"],
  tsvector: ["'fat cat'"],
  tsquery: ["'fat & cat'"],
  int4range: ["'[1,10)'", "'empty'"],
  tstzrange: ["'[2024-01-01 00:00+00,)'"],
  int4multirange: ["'{[1,3), [5,7)}'"],
  pg_lsn: ["'16/B374D848'"],
};

const literals = Object.entries(VALUES).flatMap(([type, values]) =>
  values.map((value) => `select ${value}::${type} as value`),
);
const nulls = Object.keys(VALUES).map((type) => `select null::${type} as nothing`);
const ARRAYS = [
  "select '{1,2,null}'::int[]",
  "select '{{a,b},{c,d}}'::text[]",
  "select '{}'::uuid[]",
  "select '[0:1]={7,8}'::bigint[]",
  "select array['2024-01-01'::timestamptz, null]",
  "select row(1, 'two', null)",
  'select (1, 2.5)::record',
];

export const TYPE_STATEMENTS: readonly string[] = [...literals, ...nulls, ...ARRAYS];
