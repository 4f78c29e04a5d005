/** Lens visualizations: the few kinds that the dashboards need. */
import { viewId, type ViewName } from './data-views.ts';
import { overTime, terms, type Column } from './lens-columns.ts';
import type { SavedObject } from './saved-object.ts';

export interface PanelBasics {
  /** Short and unique; the id is made from it. */
  readonly name: string;
  readonly title: string;
  readonly view: ViewName;
  /** KQL; all records of the view where empty. */
  readonly query?: string;
  readonly description?: string;
}

const LAYER = 'layer';

function lens(
  { name, title, view, query = '', description = '' }: PanelBasics,
  visualizationType: string,
  columns: Readonly<Record<string, Column>>,
  visualization: Readonly<Record<string, unknown>>,
): SavedObject {
  return {
    id: `countersign-lens-${name}`,
    type: 'lens',
    attributes: {
      title: `[Countersign] ${title}`,
      description,
      visualizationType,
      state: {
        adHocDataViews: {},
        datasourceStates: {
          formBased: {
            layers: {
              [LAYER]: {
                columnOrder: Object.keys(columns),
                columns,
                incompleteColumns: {},
                indexPatternId: viewId(view),
                sampling: 1,
              },
            },
          },
          indexpattern: { layers: {} },
          textBased: { layers: {} },
        },
        filters: [],
        internalReferences: [],
        query: { query, language: 'kuery' },
        visualization,
      },
    },
    references: [{ id: viewId(view), name: `indexpattern-datasource-layer-${LAYER}`, type: 'index-pattern' }],
  };
}

/** One figure. */
export const metric = (panel: PanelBasics, column: Column, color?: string): SavedObject =>
  lens(
    panel,
    'lnsMetric',
    { metric: column },
    {
      layerId: LAYER,
      layerType: 'data',
      metricAccessor: 'metric',
      ...(color === undefined ? {} : { color }),
    },
  );

/** Figures over time, one series for each value of `splitBy`, or one for each column. */
export function timeline(
  panel: PanelBasics,
  columns: readonly Column[],
  options: { readonly splitBy?: string; readonly kind?: 'bar_stacked' | 'line' | 'area_stacked' } = {},
): SavedObject {
  const metrics = columns.map((column, place) => [`metric${place}`, column] as const);
  const { splitBy, kind = 'bar_stacked' } = options;
  return lens(
    panel,
    'lnsXY',
    {
      time: overTime(),
      ...(splitBy === undefined ? {} : { split: terms(splitBy, splitBy, 8, 'metric0') }),
      ...Object.fromEntries(metrics),
    },
    {
      legend: { isVisible: true, position: 'right', showSingleSeries: true },
      valueLabels: 'hide',
      fittingFunction: 'None',
      axisTitlesVisibilitySettings: { x: false, yLeft: false, yRight: false },
      tickLabelsVisibilitySettings: { x: true, yLeft: true, yRight: true },
      labelsOrientation: { x: 0, yLeft: 0, yRight: 0 },
      gridlinesVisibilitySettings: { x: false, yLeft: true, yRight: false },
      preferredSeriesType: kind,
      layers: [
        {
          layerId: LAYER,
          layerType: 'data',
          seriesType: kind,
          accessors: metrics.map(([id]) => id),
          xAccessor: 'time',
          position: 'top',
          showGridlines: false,
          ...(splitBy === undefined ? {} : { splitAccessor: 'split' }),
        },
      ],
    },
  );
}

/** Rows by one or more fields, with figures behind. */
export function table(
  panel: PanelBasics,
  rows: readonly (readonly [label: string, field: string])[],
  metrics: readonly Column[],
  size = 25,
): SavedObject {
  const buckets = rows.map(
    ([label, field], place) => [`row${place}`, terms(label, field, size, 'metric0')] as const,
  );
  const figures = metrics.map((column, place) => [`metric${place}`, column] as const);
  const columns = Object.fromEntries([...buckets, ...figures]);
  return lens(panel, 'lnsDatatable', columns, {
    layerId: LAYER,
    layerType: 'data',
    columns: Object.entries(columns).map(([columnId, { isBucketed }]) => ({
      columnId,
      isTransposed: false,
      isMetric: !isBucketed,
    })),
    paging: { enabled: true, size: 10 },
  });
}

/** Shares of a whole. */
export const donut = (panel: PanelBasics, field: string, column: Column, size = 8): SavedObject =>
  lens(
    panel,
    'lnsPie',
    { slice: terms(field, field, size, 'metric0'), metric0: column },
    {
      shape: 'donut',
      layers: [
        {
          layerId: LAYER,
          layerType: 'data',
          primaryGroups: ['slice'],
          metrics: ['metric0'],
          numberDisplay: 'value',
          categoryDisplay: 'default',
          legendDisplay: 'show',
          nestedLegend: false,
        },
      ],
    },
  );
