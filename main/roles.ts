/** The roles of an installation, in the order they start. */
export const ROLES = ['ingest', 'detectors', 'gateway', 'responders'] as const;
export type RoleName = (typeof ROLES)[number];
