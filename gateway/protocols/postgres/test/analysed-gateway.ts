/** A server of its own, and the listener in front of it with the real analysis. */
import { createHmac } from 'node:crypto';
import { createSystemClock } from '../../../../platform/clock/system-clock.ts';
import { startPostgres, type TestPostgres } from '../../../../test/servers/postgres.ts';
import { createAnalyser } from '../analysis/create-analyser.ts';
import type { PostgresOptions } from '../options.ts';
import { startGateway, type TestGateway } from './gateway.ts';

export interface AnalysedGateway {
  readonly target: TestPostgres;
  readonly gateway: TestGateway;
  stop(): Promise<void>;
}

export async function startAnalysedGateway(options: PostgresOptions = {}): Promise<AnalysedGateway> {
  const target = await startPostgres();
  const analyser = await createAnalyser({
    clock: createSystemClock(),
    hmac: (secret) => createHmac('sha256', 'key of the tests').update(secret).digest(),
  });
  const credential = { username: target.user, password: target.password };
  const gateway = await startGateway({ target, credential, analyser, options });
  return {
    target,
    gateway,
    async stop() {
      await gateway.stop();
      await analyser.close();
      await target.stop();
    },
  };
}
