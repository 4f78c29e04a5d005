import type { ControlRecord } from './types.ts';

/** Kind and record id of a control record: its key in countersign.control, and the id of its document. */
export function controlKey(body: ControlRecord['body']): string {
  switch (body.kind) {
    case 'lockout':
      return `lockout/${body.lockoutId}`;
    case 'token_revocation':
      return `token_revocation/${body.tokenId}`;
    case 'incident_closure':
      return `incident_closure/${body.incidentId}`;
    case 'approval':
      return `approval/${body.approvalId}`;
    case 'grant':
      return `grant/${body.grantId}`;
  }
}
