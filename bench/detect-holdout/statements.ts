/** Statements of the hold-out subjects. Written without a look at what the detectors' thresholds are. */
import type { Draw, PlannedStatement } from '../../main/exercise/plan.ts';

export const say = (sql: string, rows = 0, bytesPerRow = 90, afterMs = 1500): PlannedStatement => ({
  sql,
  rows,
  bytes: rows * bytesPerRow,
  afterMs,
});

export const failing = (sql: string, failsWith: string, afterMs: number): PlannedStatement => ({
  ...say(sql, 0, 0, afterMs),
  failsWith,
});

export interface Table {
  readonly name: string;
  readonly columns: readonly string[];
}

export const TABLES = {
  orders: { name: 'orders', columns: ['id', 'customer_id', 'status', 'region', 'total_cents', 'created_at'] },
  items: { name: 'order_items', columns: ['id', 'order_id', 'product_id', 'quantity', 'price_cents'] },
  products: { name: 'products', columns: ['id', 'title', 'category', 'price_cents', 'stock'] },
  tickets: { name: 'tickets', columns: ['id', 'customer_id', 'subject', 'state', 'opened_at'] },
  customers: { name: 'customers', columns: ['id', 'name', 'email', 'phone', 'city', 'created_at'] },
  payments: { name: 'payments', columns: ['id', 'customer_id', 'card_token', 'amount_cents', 'created_at'] },
  events: { name: 'web_events', columns: ['id', 'session', 'page', 'seen_at'] },
  shipments: { name: 'shipments', columns: ['id', 'order_id', 'carrier', 'state', 'sent_at'] },
} as const satisfies Record<string, Table>;

const someOf = (draw: Draw, items: readonly string[], least: number): string[] => {
  const kept = items.filter(() => draw.chance(0.5));
  return kept.length >= least ? kept : items.slice(0, least);
};

/** A query that somebody makes up: columns, filters, grouping and order vary, and so does its shape. */
export function adHoc(draw: Draw, tables: readonly Table[], rowsTypical: number): PlannedStatement {
  const table = draw.pick(tables);
  const rows = Math.max(1, Math.round(rowsTypical * draw.factor(1.1)));
  const filter = `${draw.pick(table.columns)} ${draw.pick(['=', '>', '<', '<>'])} '${draw.between(1, 99_999)}'`;
  const second = draw.chance(0.4) ? ` and ${draw.pick(table.columns)} is not null` : '';
  const afterMs = Math.round(25_000 * draw.factor(0.9));
  if (draw.chance(0.35)) {
    const by = draw.pick(table.columns);
    const measure = draw.pick([
      'count(*)',
      `max(${draw.pick(table.columns)})`,
      `count(distinct ${table.columns[0]!})`,
    ]);
    return say(
      `select ${by}, ${measure} from ${table.name} where ${filter}${second} group by ${by}`,
      Math.min(rows, 60),
      40,
      afterMs,
    );
  }
  const order = draw.chance(0.5) ? ` order by ${draw.pick(table.columns)}` : '';
  const limit = draw.chance(0.6) ? ` limit ${rows}` : '';
  return say(
    `select ${someOf(draw, table.columns, 2).join(', ')} from ${table.name} where ${filter}${second}${order}${limit}`,
    rows,
    90,
    afterMs,
  );
}

/** Changes of a schema as releases bring them. */
export function migrations(draw: Draw, count: number): PlannedStatement[] {
  const name = (): string => `m${draw.between(100, 99_999)}`;
  const table = (): string => draw.pick(Object.values(TABLES)).name;
  return Array.from({ length: count }, () =>
    draw
      .weighted([
        { weight: 4, make: () => say(`alter table ${table()} add column ${name()} integer`) },
        { weight: 3, make: () => say(`create index idx_${name()} on ${table()} (id)`) },
        { weight: 2, make: () => say(`create table ${name()} (id bigint primary key, note text)`) },
        { weight: 1, make: () => say(`alter table ${table()} alter column id set not null`) },
        { weight: 1, make: () => say(`alter table ${table()} drop column if exists ${name()}`) },
        {
          weight: 2,
          make: () =>
            say(`update ${table()} set id = id where id < ${draw.between(1, 500)}`, draw.between(1, 400)),
        },
      ])
      .make(),
  );
}
