/** All resources. To add one: a file beside this, its types in schemas/api, one line here. */
import { approvals } from './approvals.ts';
import { approvalChats } from './approval-chats.ts';
import { approvalsPage } from './approvals-page.ts';
import { audit } from './audit.ts';
import { connect } from './connect.ts';
import { connections } from './connections.ts';
import { deadLetters } from './dead-letters.ts';
import { events } from './events.ts';
import { exchange } from './exchange.ts';
import { exports } from './exports.ts';
import { grants } from './grants.ts';
import { identities } from './identities.ts';
import { imports } from './imports.ts';
import { incidents } from './incidents.ts';
import { introspect } from './introspect.ts';
import { lockouts } from './lockouts.ts';
import { reload } from './reload.ts';
import { responses } from './responses.ts';
import type { Resource } from './route.ts';
import { secondFactors } from './second-factors.ts';
import { scim } from './scim.ts';
import { service } from './service.ts';
import { sessions } from './sessions.ts';
import { ssh } from './ssh.ts';
import { tokens } from './tokens.ts';

export const RESOURCES: readonly Resource[] = [
  lockouts,
  approvals,
  grants,
  secondFactors,
  approvalsPage,
  approvalChats,
  sessions,
  events,
  imports,
  audit,
  exports,
  incidents,
  responses,
  tokens,
  exchange,
  introspect,
  scim,
  ssh,
  identities,
  connections,
  connect,
  deadLetters,
  service,
  reload,
];
