/** A whole installation in this process, in a data folder of its own, as `npm start` would start it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApiClient, type ApiClient } from '../../../cli/api-client.ts';
import type { ListenerAnswer } from '../../../gateway/control-api/services.ts';
import type { TargetCredential } from '../../../gateway/protocols/protocol.ts';
import type { ConnectionEntry } from '../../../schemas/config/connection.ts';
import { loadConfig } from '../../config.ts';
import { runInstallation, type Running } from '../../run-installation.ts';
import type { RoleName } from '../../roles.ts';

/** What a session reaches, and what the gateway's vault holds for it. */
export interface InstallationTarget {
  readonly connection: ConnectionEntry;
  readonly credential: TargetCredential;
}

export interface TestInstallation extends Running {
  readonly api: ApiClient;
  /** Of the target's protocol. */
  readonly listener: ListenerAnswer;
  stop(): Promise<void>;
}

export const makeDataFolder = (): string => mkdtempSync(join(tmpdir(), 'countersign-test-'));

/** Settings as the environment gives them: the shipped defaults, on free ports. */
export const environmentOf = (dataFolder: string): Record<string, string> => ({
  COUNTERSIGN_DATA_FOLDER: dataFolder,
  COUNTERSIGN_CONTROL_API__PORT: '0',
  COUNTERSIGN_POSTGRES__PORT: '0',
  COUNTERSIGN_LOG_LEVEL: 'warn',
});

export interface TestOptions {
  /** Taken up again and kept; a fresh one goes with the installation. */
  readonly dataFolder?: string;
  /** Roles that run; all where absent. */
  readonly roles?: readonly RoleName[];
}

export async function startTestInstallation(
  target: InstallationTarget,
  settings: Readonly<Record<string, string>> = {},
  { dataFolder, roles }: TestOptions = {},
): Promise<TestInstallation> {
  const folder = dataFolder ?? makeDataFolder();
  const environment = { ...environmentOf(folder), ...settings };
  const running = await runInstallation(loadConfig(undefined, environment), environment, true, {
    connections: [target.connection],
    ...(roles === undefined ? {} : { roles }),
  });
  const { installation } = running;
  await installation.gateway.vault.put(
    `connections/${target.connection.name}`,
    JSON.stringify(target.credential),
  );
  return {
    ...running,
    api: createApiClient({ url: installation.gateway.api().url, token: installation.tokens.admin }),
    listener: installation.gateway.listener(target.connection.protocol)!,
    async stop() {
      await installation.stop(500);
      if (dataFolder === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}
