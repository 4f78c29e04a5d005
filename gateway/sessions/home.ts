/** A name for the folder of the spool, made with it: tells this gateway after a restart from another one that has its id. */
import type { Random } from '../../platform/clock/clock.ts';
import type { Disk } from '../../platform/disk/disk.ts';

const HOME = /^[0-9a-f]{32}$/;

export function loadHome(disk: Disk, random: Random, spoolFolder: string): string {
  disk.makeFolder(spoolFolder);
  const file = disk.open(`${spoolFolder}/home`);
  try {
    const found = file.readSync(0, 32).toString();
    if (HOME.test(found)) return found;
    const home = random.bytes(16).toString('hex');
    file.truncate(0);
    file.append(Buffer.from(home));
    file.flushSync();
    disk.syncFolder(spoolFolder);
    return home;
  } finally {
    file.close();
  }
}
