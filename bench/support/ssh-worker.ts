/** A whole installation in a process of its own, so that what measures does not take part in it. Stops when its parent goes. */
import { startTestInstallation } from '../../main/test/support/installation.ts';
import type { SshWorkerOrder, SshWorkerAnswer } from './ssh-stage.ts';

// It comes as a message: the credential is nobody's to read in the list of processes.
process.once('message', (order: SshWorkerOrder) => {
  startTestInstallation(order).then(
    (running) => {
      const { gateway, tokens } = running.installation;
      const { host, port } = gateway.listener('ssh')!;
      const answer: SshWorkerAnswer = { host, port, apiUrl: gateway.api().url, apiToken: tokens.admin };
      process.send!(answer);
      process.once('disconnect', () => {
        running.stop().then(
          () => process.exit(0),
          () => process.exit(1),
        );
      });
    },
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
