/**
 * The Open Cybersecurity Schema Framework, version 1.5.0 (schema.ocsf.io), for those whose lake or SIEM speaks it. What OCSF has no
 * attribute for stands in `unmapped` under our own names.
 */
export type OcsfValue = string | number | boolean | readonly OcsfValue[] | OcsfObject;
export interface OcsfObject {
  readonly [attribute: string]: OcsfValue | undefined;
}

export interface OcsfEvent extends OcsfObject {
  readonly class_uid: number;
  readonly category_uid: number;
  readonly activity_id: number;
  /** class_uid * 100 + activity_id */
  readonly type_uid: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly severity_id: number;
  readonly metadata: OcsfObject;
}

export const OCSF_VERSION = '1.5.0';

/** Classes that our records become. */
export const OCSF_CLASSES = {
  detectionFinding: 2004,
  incidentFinding: 2005,
  authentication: 3002,
  apiActivity: 6003,
  datastoreActivity: 6005,
  remediationActivity: 7001,
} as const;

export const OTHER = 99;
export const STATUS = { unknown: 0, success: 1, failure: 2 } as const;

const SEVERITIES = { none: 1, informational: 1, low: 2, medium: 3, high: 4, critical: 5 } as const;
export const severityId = (severity: keyof typeof SEVERITIES): number => SEVERITIES[severity];

export interface OcsfHead {
  readonly classUid: number;
  readonly activityId: number;
  readonly time: number;
  /** Unique id of the record. */
  readonly uid: string;
  readonly severityId: number;
  readonly message?: string | null | undefined;
  readonly correlationUid?: string | null | undefined;
  readonly sequence?: number | undefined;
}

/** An object without what is null, undefined, empty text, an empty list or an empty object: OCSF wants absent attributes absent. */
export function compact(object: Readonly<Record<string, unknown>>): OcsfObject | undefined {
  const kept = Object.entries(object).filter(([, value]) => {
    if (value === null || value === undefined || value === '') return false;
    return typeof value !== 'object' || Object.keys(value).length > 0;
  });
  return kept.length === 0 ? undefined : (Object.fromEntries(kept) as OcsfObject);
}

export function ocsfEvent(head: OcsfHead, attributes: Readonly<Record<string, unknown>>): OcsfEvent {
  const metadata = compact({
    version: OCSF_VERSION,
    product: { name: 'Countersign', vendor_name: 'Countersign' },
    uid: head.uid,
    correlation_uid: head.correlationUid,
    sequence: head.sequence,
  });
  return {
    ...compact({ message: head.message, ...attributes }),
    class_uid: head.classUid,
    category_uid: Math.floor(head.classUid / 1000),
    activity_id: head.activityId,
    type_uid: head.classUid * 100 + head.activityId,
    time: head.time,
    severity_id: head.severityId,
    metadata: metadata!,
  };
}
