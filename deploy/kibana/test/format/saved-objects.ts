/**
 * The export format of saved objects, written down from Kibana's own sources (8.19): src/platform/plugins/shared/dashboard/server/
 * dashboard_saved_object/schema/v2, .../saved_search/server/saved_objects/schema_legacy.ts (model version 5), .../data_views, and
 * x-pack/platform/plugins/shared/lens. What Kibana forbids is forbidden here; what it leaves open is bound to what we use.
 */
import Type, { type TProperties } from 'typebox';

const strict = <P extends TProperties>(properties: P) =>
  Type.Object(properties, { additionalProperties: false });
const searchSourceMeta = strict({ searchSourceJSON: Type.String() });

export const Reference = strict({
  id: Type.String({ minLength: 1 }),
  name: Type.String({ minLength: 1 }),
  type: Type.Union(['index-pattern', 'search', 'lens', 'dashboard'].map((type) => Type.Literal(type))),
});

const envelope = <A extends TProperties>(type: string, typeMigrationVersion: string, attributes: A) =>
  strict({
    attributes: strict(attributes),
    coreMigrationVersion: Type.Literal('8.8.0'),
    id: Type.String({ pattern: '^[a-z0-9][a-z0-9-]*$' }),
    managed: Type.Literal(false),
    references: Type.Array(Reference),
    type: Type.Literal(type),
    typeMigrationVersion: Type.Literal(typeMigrationVersion),
  });

export const DataView = envelope('index-pattern', '8.0.0', {
  allowHidden: Type.Boolean(),
  allowNoIndex: Type.Boolean(),
  fieldAttrs: Type.String(),
  fieldFormatMap: Type.String(),
  fields: Type.String(),
  name: Type.String({ minLength: 1 }),
  runtimeFieldMap: Type.String(),
  sourceFilters: Type.String(),
  timeFieldName: Type.String(),
  title: Type.String({ minLength: 1 }),
});

export const Search = envelope('search', '10.5.0', {
  columns: Type.Array(Type.String()),
  description: Type.String(),
  grid: strict({}),
  hideChart: Type.Boolean(),
  isTextBasedQuery: Type.Boolean(),
  kibanaSavedObjectMeta: searchSourceMeta,
  sort: Type.Array(Type.Array(Type.String(), { minItems: 2, maxItems: 2 })),
  timeRestore: Type.Boolean(),
  title: Type.String({ minLength: 1 }),
});

export const Query = strict({ query: Type.String(), language: Type.Literal('kuery') });

const columnBase = {
  label: Type.String({ minLength: 1 }),
  customLabel: Type.Optional(Type.Boolean()),
  dataType: Type.Union(['string', 'number', 'date', 'boolean', 'ip'].map((type) => Type.Literal(type))),
  scale: Type.Union(['ratio', 'ordinal', 'interval'].map((scale) => Type.Literal(scale))),
  sourceField: Type.String(),
  filter: Type.Optional(Query),
};
const column = <P extends TProperties>(operations: readonly string[], isBucketed: boolean, params: P) =>
  strict({
    ...columnBase,
    operationType: Type.Union(operations.map((operation) => Type.Literal(operation))),
    isBucketed: Type.Literal(isBucketed),
    params: strict(params),
  });

export const Column = Type.Union([
  column(['count', 'unique_count', 'sum', 'max', 'min', 'average'], false, { emptyAsNull: Type.Boolean() }),
  column(['percentile'], false, { percentile: Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 100 }) }),
  column(['last_value'], false, { sortField: Type.String(), showArrayValues: Type.Boolean() }),
  column(['date_histogram'], true, {
    interval: Type.String(),
    includeEmptyRows: Type.Boolean(),
    dropPartials: Type.Boolean(),
  }),
  column(['terms'], true, {
    size: Type.Integer({ minimum: 1, maximum: 10_000 }),
    orderBy: strict({ type: Type.Literal('column'), columnId: Type.String() }),
    orderDirection: Type.Union([Type.Literal('asc'), Type.Literal('desc')]),
    otherBucket: Type.Boolean(),
    missingBucket: Type.Boolean(),
    parentFormat: strict({ id: Type.Literal('terms') }),
    include: Type.Array(Type.String()),
    exclude: Type.Array(Type.String()),
    includeIsRegex: Type.Boolean(),
    excludeIsRegex: Type.Boolean(),
  }),
]);

export const Layer = strict({
  columnOrder: Type.Array(Type.String(), { minItems: 1 }),
  columns: Type.Record(Type.String(), Column),
  incompleteColumns: strict({}),
  indexPatternId: Type.String(),
  sampling: Type.Number(),
});

const axes = strict({ x: Type.Boolean(), yLeft: Type.Boolean(), yRight: Type.Boolean() });
const layerOf = { layerId: Type.String(), layerType: Type.Literal('data') };
const seriesType = Type.Union(['bar_stacked', 'line', 'area_stacked'].map((kind) => Type.Literal(kind)));

/** State of a visualization by its type. */
export const VISUALIZATIONS = {
  lnsMetric: strict({ ...layerOf, metricAccessor: Type.String(), color: Type.Optional(Type.String()) }),
  lnsXY: strict({
    legend: strict({
      isVisible: Type.Boolean(),
      position: Type.Union(['top', 'right', 'bottom', 'left'].map((side) => Type.Literal(side))),
      showSingleSeries: Type.Boolean(),
    }),
    valueLabels: Type.Union([Type.Literal('hide'), Type.Literal('show')]),
    fittingFunction: Type.String(),
    axisTitlesVisibilitySettings: axes,
    tickLabelsVisibilitySettings: axes,
    gridlinesVisibilitySettings: axes,
    labelsOrientation: strict({ x: Type.Number(), yLeft: Type.Number(), yRight: Type.Number() }),
    preferredSeriesType: seriesType,
    layers: Type.Array(
      strict({
        ...layerOf,
        seriesType,
        accessors: Type.Array(Type.String(), { minItems: 1 }),
        xAccessor: Type.String(),
        splitAccessor: Type.Optional(Type.String()),
        position: Type.Literal('top'),
        showGridlines: Type.Boolean(),
      }),
      { minItems: 1 },
    ),
  }),
  lnsDatatable: strict({
    ...layerOf,
    columns: Type.Array(
      strict({ columnId: Type.String(), isTransposed: Type.Boolean(), isMetric: Type.Boolean() }),
    ),
    paging: strict({ enabled: Type.Boolean(), size: Type.Integer() }),
  }),
  lnsPie: strict({
    shape: Type.Literal('donut'),
    layers: Type.Array(
      strict({
        ...layerOf,
        primaryGroups: Type.Array(Type.String(), { minItems: 1 }),
        metrics: Type.Array(Type.String(), { minItems: 1 }),
        numberDisplay: Type.Union(['hidden', 'percent', 'value'].map((kind) => Type.Literal(kind))),
        categoryDisplay: Type.Union(['default', 'inside', 'hide'].map((kind) => Type.Literal(kind))),
        legendDisplay: Type.Union(['default', 'show', 'hide'].map((kind) => Type.Literal(kind))),
        nestedLegend: Type.Boolean(),
      }),
    ),
  }),
} as const;

export const Lens = envelope('lens', '8.9.0', {
  title: Type.String({ minLength: 1 }),
  description: Type.String(),
  visualizationType: Type.Union(Object.keys(VISUALIZATIONS).map((kind) => Type.Literal(kind))),
  state: strict({
    adHocDataViews: strict({}),
    datasourceStates: strict({
      formBased: strict({ layers: Type.Record(Type.String(), Layer) }),
      indexpattern: strict({ layers: strict({}) }),
      textBased: strict({ layers: strict({}) }),
    }),
    filters: Type.Array(Type.Never()),
    internalReferences: Type.Array(Type.Never()),
    query: Query,
    visualization: Type.Union(Object.values(VISUALIZATIONS)),
  }),
});

export const Dashboard = envelope('dashboard', '10.2.0', {
  title: Type.String({ minLength: 1 }),
  description: Type.String(),
  controlGroupInput: strict({
    panelsJSON: Type.String(),
    controlStyle: Type.Union([Type.Literal('oneLine'), Type.Literal('twoLine')]),
    chainingSystem: Type.Union([Type.Literal('HIERARCHICAL'), Type.Literal('NONE')]),
    ignoreParentSettingsJSON: Type.String(),
    showApplySelections: Type.Boolean(),
  }),
  kibanaSavedObjectMeta: searchSourceMeta,
  optionsJSON: Type.String(),
  panelsJSON: Type.String(),
  refreshInterval: strict({ pause: Type.Boolean(), value: Type.Number() }),
  timeFrom: Type.String(),
  timeRestore: Type.Boolean(),
  timeTo: Type.String(),
});

export const Panel = strict({
  type: Type.Union([Type.Literal('lens'), Type.Literal('search')]),
  gridData: strict({
    x: Type.Integer({ minimum: 0 }),
    y: Type.Integer({ minimum: 0 }),
    w: Type.Integer({ minimum: 1, maximum: 48 }),
    h: Type.Integer({ minimum: 1 }),
    i: Type.String(),
  }),
  panelIndex: Type.String(),
  embeddableConfig: strict({ enhancements: strict({}) }),
  panelRefName: Type.String(),
});

export const Control = strict({
  type: Type.Literal('optionsListControl'),
  order: Type.Integer({ minimum: 0 }),
  grow: Type.Boolean(),
  width: Type.Union(['small', 'medium', 'large'].map((width) => Type.Literal(width))),
  explicitInput: strict({
    id: Type.String(),
    fieldName: Type.String(),
    title: Type.String(),
    searchTechnique: Type.Union(['prefix', 'wildcard', 'exact'].map((kind) => Type.Literal(kind))),
    selectedOptions: Type.Array(Type.Never()),
    enhancements: strict({}),
  }),
});

export const ExportDetails = strict({
  excludedObjects: Type.Array(Type.Never()),
  excludedObjectsCount: Type.Literal(0),
  exportedCount: Type.Integer(),
  missingRefCount: Type.Literal(0),
  missingReferences: Type.Array(Type.Never()),
});

export const OBJECTS = {
  'index-pattern': DataView,
  search: Search,
  lens: Lens,
  dashboard: Dashboard,
} as const;
