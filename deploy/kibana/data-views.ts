/** Data views: one for each kind of record, and one over all of them. */
import { incidentUrlTemplate } from './links.ts';
import type { SavedObject } from './saved-object.ts';

/** Default of searchIndex.elasticsearch.indexPrefix. Another prefix: `node deploy/kibana/generate.ts --prefix NAME`. */
export const DEFAULT_PREFIX = 'countersign';

export type ViewName =
  | 'all'
  | 'session-events'
  | 'session-data'
  | 'detections'
  | 'incidents'
  | 'responses'
  | 'control'
  | 'dead-letters';

export const viewId = (name: ViewName): string => `countersign-${name}`;

const TITLES: Readonly<Record<ViewName, string>> = {
  all: 'Countersign',
  'session-events': 'Countersign: session events',
  'session-data': 'Countersign: session data',
  detections: 'Countersign: detections',
  incidents: 'Countersign: incidents',
  responses: 'Countersign: responses',
  control: 'Countersign: lockouts and revocations',
  'dead-letters': 'Countersign: dead letters',
};

/** An incident's id is a link to everything about it, wherever it is shown. */
const FORMATS = {
  'countersign.incident.id': {
    id: 'url',
    params: { urlTemplate: incidentUrlTemplate(), labelTemplate: '{{value}}', openLinkInCurrentTab: false },
  },
  'destination.bytes': { id: 'bytes' },
  'countersign.session.bytes': { id: 'bytes' },
  'countersign.heartbeat.spool_bytes': { id: 'bytes' },
  'event.duration': {
    id: 'duration',
    params: {
      inputFormat: 'nanoseconds',
      outputFormat: 'asMilliseconds',
      outputPrecision: 1,
      includeSpaceWithSuffix: true,
    },
  },
};

export function dataViews(prefix: string): SavedObject[] {
  return (Object.keys(TITLES) as ViewName[]).map((name) => ({
    id: viewId(name),
    type: 'index-pattern',
    attributes: {
      allowHidden: false,
      allowNoIndex: true,
      fieldAttrs: '{}',
      fieldFormatMap: JSON.stringify(FORMATS),
      fields: '[]',
      name: TITLES[name],
      runtimeFieldMap: '{}',
      sourceFilters: '[]',
      timeFieldName: '@timestamp',
      title: name === 'all' ? `${prefix}-*` : `${prefix}-${name}`,
    },
    references: [],
  }));
}
