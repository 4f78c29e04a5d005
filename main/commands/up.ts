import type { RegisterCommands } from '../../cli/context.ts';
import { loadConfig } from '../config.ts';
import { runInstallation, untilStopped } from '../run-installation.ts';

export const registerUp: RegisterCommands = (program, context) => {
  program
    .command('up')
    .description('run every role in one process on the embedded default')
    .option('--config <file>', 'YAML file', context.environment['COUNTERSIGN_CONFIG'])
    .action(async (options: { config?: string }) => {
      const config = loadConfig(options.config, context.environment);
      const { installation } = await runInstallation(config, context.environment, false);
      const { url } = installation.gateway.api();
      const listener = installation.gateway.listener('postgres')!;
      const output = context.output();
      output.value(
        { api: url, postgres: `${listener.host}:${listener.port}`, dataFolder: config.dataFolder },
        () =>
          `PostgreSQL clients: ${listener.host}:${listener.port}\nControl API:        ${url}\nData:               ${config.dataFolder}\nCtrl-C ends it.`,
      );
      await untilStopped(installation.stop, context.interrupted);
    });
};
