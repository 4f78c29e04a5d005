/** A dashboard: panels in a grid of 48 columns, controls above them. */
import { viewId, type ViewName } from './data-views.ts';
import { groupable } from './fields.ts';
import { searchSource, type Reference, type SavedObject } from './saved-object.ts';

export interface Placed {
  readonly panel: SavedObject | { readonly search: string };
  /** Columns of 48, rows of 20 px or so. */
  readonly width: number;
  readonly height: number;
}

export interface DashboardPlan {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly timeFrom: string;
  /** Drop-down lists: label, field, and the data view whose values they offer. */
  readonly controls: readonly (readonly [label: string, field: string, view: ViewName])[];
  /** Rows from the top; panels of a row stand side by side. */
  readonly rows: readonly (readonly Placed[])[];
}

export interface Dashboard {
  readonly object: SavedObject;
  /** The visualizations that it refers to. */
  readonly panels: readonly SavedObject[];
}

function controlGroup(plan: DashboardPlan): { input: object; references: Reference[] } {
  const panels: Record<string, object> = {};
  const references: Reference[] = [];
  for (const [order, [title, field, view]] of plan.controls.entries()) {
    const id = `control${order}`;
    panels[id] = {
      type: 'optionsListControl',
      order,
      grow: true,
      width: 'medium',
      explicitInput: {
        id,
        fieldName: groupable(field),
        title,
        searchTechnique: 'wildcard',
        selectedOptions: [],
        enhancements: {},
      },
    };
    references.push({
      id: viewId(view),
      name: `controlGroup_${id}:optionsListDataView`,
      type: 'index-pattern',
    });
  }
  const ignoreNothing = {
    ignoreFilters: false,
    ignoreQuery: false,
    ignoreTimerange: false,
    ignoreValidations: false,
  };
  return {
    input: {
      chainingSystem: 'HIERARCHICAL',
      controlStyle: 'oneLine',
      ignoreParentSettingsJSON: JSON.stringify(ignoreNothing),
      panelsJSON: JSON.stringify(panels),
      showApplySelections: false,
    },
    references,
  };
}

export function dashboard(plan: DashboardPlan): Dashboard {
  const panels: object[] = [];
  const objects: SavedObject[] = [];
  const references: Reference[] = [];
  let y = 0;
  for (const row of plan.rows) {
    let x = 0;
    for (const { panel, width, height } of row) {
      const i = `panel-${panels.length}`;
      const [type, id] = 'search' in panel ? ['search', panel.search] : [panel.type, panel.id];
      panels.push({
        type,
        gridData: { x, y, w: width, h: height, i },
        panelIndex: i,
        embeddableConfig: { enhancements: {} },
        panelRefName: `panel_${i}`,
      });
      references.push({ id, name: `${i}:panel_${i}`, type });
      if (!('search' in panel)) objects.push(panel);
      x += width;
    }
    y += Math.max(...row.map(({ height }) => height));
  }
  const controls = controlGroup(plan);
  return {
    object: {
      id: plan.id,
      type: 'dashboard',
      attributes: {
        title: `[Countersign] ${plan.title}`,
        description: plan.description,
        controlGroupInput: controls.input,
        kibanaSavedObjectMeta: searchSource(''),
        optionsJSON: JSON.stringify({
          hidePanelTitles: false,
          syncColors: false,
          syncCursor: true,
          syncTooltips: false,
          useMargins: true,
        }),
        panelsJSON: JSON.stringify(panels),
        refreshInterval: { pause: false, value: 30_000 },
        timeFrom: plan.timeFrom,
        timeRestore: true,
        timeTo: 'now',
      },
      references: [...references, ...controls.references],
    },
    panels: objects,
  };
}
