/** Which roles may stand in one process on which adapters. Whatever could only half work is refused at the start. */
import type { Config } from '../schemas/config/config.ts';
import { mainError } from './errors.ts';
import { ROLES, type RoleName } from './roles.ts';

type Topology = Pick<Config, 'eventLog' | 'controlStore' | 'searchIndex' | 'responders'>;

/**
 * Throws ROLE_NEEDS_CLUSTER: the embedded log serves one process. CLUSTER_STORE_EMBEDDED: gateways on several machines need one control
 * store. CLUSTER_INDEX_EMBEDDED: who writes the index and who searches it are different processes. RESPONDERS_NO_GATEWAY: nobody is told
 * where the gateways are.
 */
export function checkTopology(config: Topology, roles: readonly RoleName[]): void {
  const has = (role: RoleName): boolean => roles.includes(role);
  const whole = ROLES.every(has);
  const named = roles.join(', ');
  if (config.eventLog.kind === 'embedded') {
    if (!has('gateway')) throw mainError('ROLE_NEEDS_CLUSTER', { roles: named });
    return;
  }
  // All four in one process may be the only ones; a process with some of them never is.
  if (has('gateway') && !whole && config.controlStore.kind === 'sqlite')
    throw mainError('CLUSTER_STORE_EMBEDDED', { roles: named });
  if (has('gateway') !== has('ingest') && config.searchIndex.kind === 'embedded')
    if (has('gateway') || has('ingest')) throw mainError('CLUSTER_INDEX_EMBEDDED', { roles: named });
  if (has('responders') && !has('gateway') && config.responders.controlApi === undefined)
    throw mainError('RESPONDERS_NO_GATEWAY', { roles: named });
}
