/** The child's side of installation-process.ts: runs an installation until it is told to stop, or killed. */
import { once } from 'node:events';
import { startTestInstallation } from './installation.ts';
import type { HostOrder, HostReady } from './installation-process.ts';

// As a message: credentials are nobody's to read in the list of processes.
const [order] = (await once(process, 'message')) as [HostOrder];
const running = await startTestInstallation(order.target, order.settings, {
  dataFolder: order.dataFolder,
});
const ready: HostReady = {
  api: { url: running.installation.gateway.api().url, token: running.installation.tokens.admin },
  listener: running.listener,
};
const end = (): void => {
  running.stop().then(
    () => process.exit(0),
    () => process.exit(1),
  );
};
process.once('message', end);
// A parent that is gone leaves nothing running behind it.
process.once('disconnect', end);
process.send!(ready);
