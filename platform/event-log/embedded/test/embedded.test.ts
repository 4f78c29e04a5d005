import { createManualClock, createSeededRandom } from '../../../clock/manual-clock.ts';
import { createSimulatedDisk } from '../../../disk/simulated-disk.ts';
import { describeEventLog } from '../../test/conformance.ts';
import { openEmbedded } from './harness.ts';

describeEventLog('embedded', async () => openEmbedded());
describeEventLog('embedded, flush: power', async () => openEmbedded({ flush: 'power' }));
describeEventLog('embedded, nothing in memory', async () => openEmbedded({ tailBytesMax: 0 }));
describeEventLog('embedded, on the simulated disk', async () => {
  const clock = createManualClock();
  return openEmbedded({}, { clock, disk: createSimulatedDisk({ clock, random: createSeededRandom(1) }) });
});
