/** Starts a server in the folder that its argument names, says its process number, and stays until it is killed. */
import { createSystemClock } from '../../../platform/clock/system-clock.ts';
import { startPostgresServer } from '../postgres-server.ts';

const server = await startPostgresServer(createSystemClock(), {
  folder: process.argv[2]!,
  port: 0,
  superuser: { name: 'postgres', password: 'of-a-test' },
});
process.stdout.write(`${server.pid}\n`);
process.stdin.resume();
