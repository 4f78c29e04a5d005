import { MessageChannel } from 'node:worker_threads';
import { openEmbedded } from '../../embedded/test/harness.ts';
import type { EventLog } from '../../event-log.ts';
import { describeEventLog, type EventLogHarness } from '../../test/conformance.ts';
import { createRemoteEventLog } from '../remote-event-log.ts';
import { serveEventLog } from '../serve-event-log.ts';

describeEventLog('remote', async () => {
  const embedded = openEmbedded();
  const connect = (): EventLog => {
    const { port1, port2 } = new MessageChannel();
    serveEventLog(embedded.log, port1);
    return createRemoteEventLog(port2);
  };
  const harness: EventLogHarness = {
    log: connect(),
    recordBytesMax: embedded.recordBytesMax,
    upkeep: (ms) => embedded.upkeep!(ms),
    async reopen() {
      await harness.log.close();
      await embedded.reopen();
      harness.log = connect();
      return harness.log;
    },
    async end() {
      await harness.log.close();
      await embedded.end();
    },
  };
  return harness;
});
