/** Columns of a Lens layer (its form-based data source). */
import { groupable, lensType, numeric } from './fields.ts';

export type Column = Readonly<Record<string, unknown>> & { readonly isBucketed: boolean };

const filtered = (filter: string | undefined): object =>
  filter === undefined ? {} : { filter: { query: filter, language: 'kuery' } };

/** How many documents; of those that match the filter where one is given. */
export const count = (label: string, filter?: string): Column => ({
  label,
  customLabel: true,
  dataType: 'number',
  operationType: 'count',
  isBucketed: false,
  scale: 'ratio',
  sourceField: '___records___',
  params: { emptyAsNull: false },
  ...filtered(filter),
});

/** How many different values. */
export const uniqueCount = (label: string, field: string, filter?: string): Column => ({
  label,
  customLabel: true,
  dataType: 'number',
  operationType: 'unique_count',
  isBucketed: false,
  scale: 'ratio',
  sourceField: groupable(field),
  params: { emptyAsNull: false },
  ...filtered(filter),
});

export const figure = (
  label: string,
  operationType: 'sum' | 'max' | 'min' | 'average',
  field: string,
  filter?: string,
): Column => ({
  label,
  customLabel: true,
  dataType: 'number',
  operationType,
  isBucketed: false,
  scale: 'ratio',
  sourceField: numeric(field),
  params: { emptyAsNull: true },
  ...filtered(filter),
});

export const percentile = (label: string, field: string, percent: number, filter?: string): Column => ({
  label,
  customLabel: true,
  dataType: 'number',
  operationType: 'percentile',
  isBucketed: false,
  scale: 'ratio',
  sourceField: numeric(field),
  params: { percentile: percent },
  ...filtered(filter),
});

/** The newest document's value. */
export const lastValue = (label: string, field: string): Column => ({
  label,
  customLabel: true,
  dataType: lensType(field),
  operationType: 'last_value',
  isBucketed: false,
  scale: lensType(field) === 'number' ? 'ratio' : 'ordinal',
  sourceField: groupable(field),
  params: { sortField: '@timestamp', showArrayValues: true },
  filter: { query: `${field} : *`, language: 'kuery' },
});

/** One bucket for each of the most frequent values; `orderBy` is a metric's column id. */
export const terms = (label: string, field: string, size: number, orderBy: string): Column => ({
  label,
  customLabel: true,
  dataType: lensType(field),
  operationType: 'terms',
  isBucketed: true,
  scale: 'ordinal',
  sourceField: groupable(field),
  params: {
    size,
    orderBy: { type: 'column', columnId: orderBy },
    orderDirection: 'desc',
    otherBucket: false,
    missingBucket: false,
    parentFormat: { id: 'terms' },
    include: [],
    exclude: [],
    includeIsRegex: false,
    excludeIsRegex: false,
  },
});

export const overTime = (): Column => ({
  label: '@timestamp',
  dataType: 'date',
  operationType: 'date_histogram',
  isBucketed: true,
  scale: 'interval',
  sourceField: groupable('@timestamp'),
  params: { interval: 'auto', includeEmptyRows: true, dropPartials: false },
});
