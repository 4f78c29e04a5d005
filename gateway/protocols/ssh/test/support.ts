/** sshd, gateway and clients of one test file. */
import { startSshd, type SshdOptions, type TestSshd } from '../../../../test/servers/sshd/sshd.ts';
import type { ListenerConfig, TargetCredential } from '../../protocol.ts';
import type { SshAnalysis } from '../analysis.ts';
import type { SshOptions } from '../options.ts';
import { createClients, type Clients } from './clients.ts';
import { startGateway, type TestGateway } from './gateway.ts';

/** For `it(name, { skip: noTerminals }, ...)`: an sshd of an ordinary user cannot hand a terminal over. */
export const noTerminals = process.getuid?.() !== 0 && 'sshd gives terminals to root only';

export interface Stage {
  readonly sshd: TestSshd;
  readonly gateway: TestGateway;
  readonly clients: Clients;
  stop(): Promise<void>;
}

export async function startStage(
  config: {
    readonly sshd?: SshdOptions;
    readonly options?: SshOptions;
    readonly credential?: TargetCredential;
    readonly listener?: Partial<ListenerConfig>;
    readonly analysis?: SshAnalysis;
    readonly kept?: Map<string, string>;
    readonly clientConfig?: readonly string[];
  } = {},
): Promise<Stage> {
  const sshd = await startSshd(config.sshd);
  const gateway = await startGateway({
    target: sshd,
    credential: config.credential ?? { username: sshd.user, privateKey: sshd.privateKey },
    options: { hostKeys: [...sshd.hostKeys], ...config.options },
    ...(config.listener === undefined ? {} : { listener: config.listener }),
    ...(config.analysis === undefined ? {} : { analysis: config.analysis }),
    ...(config.kept === undefined ? {} : { kept: config.kept }),
  });
  const clients = createClients(gateway, config.clientConfig);
  return {
    sshd,
    gateway,
    clients,
    async stop() {
      clients.close();
      await gateway.stop();
      await sshd.stop();
    },
  };
}
