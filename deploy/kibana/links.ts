/** Links inside Kibana. */
import { INCIDENT_SEARCH } from '../../schemas/kibana-link.ts';

/**
 * Discover with all records of an incident. `{{value}}` is the id; Kibana puts its own base path and space before `/app`.
 * The time range is wide, since an incident may be old when somebody looks.
 */
export const incidentUrlTemplate = (): string =>
  `/app/discover#/view/${INCIDENT_SEARCH}?_g=(time:(from:now-90d,to:now))&_a=(query:(language:kuery,query:'countersign.incident.id:%22{{value}}%22'))`;
