/** Where the simulator's own tests put broken parts, to see that the invariants notice. */
import type { ControlStore } from '../../platform/control-store/control-store.ts';
import type { Disk } from '../../platform/disk/disk.ts';
import type { EventLog } from '../../platform/event-log/event-log.ts';

export interface Parts {
  /** A gateway's disk at each start of it. */
  gatewayDisk(disk: Disk): Disk;
  gatewayStore(store: ControlStore): ControlStore;
  gatewayLog(log: EventLog): EventLog;
  detectorsLog(log: EventLog): EventLog;
}

export const soundParts: Parts = {
  gatewayDisk: (disk) => disk,
  gatewayStore: (store) => store,
  gatewayLog: (log) => log,
  detectorsLog: (log) => log,
};
