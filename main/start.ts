/** `npm start`: every role on the embedded default, with a real PostgreSQL from npm as the first target. */
import { resolve } from 'node:path';
import { createApiClient } from '../cli/api-client.ts';
import { issueToken } from '../cli/issue-token.ts';
import { createOutput } from '../cli/output.ts';
import { isCountersignError } from '../platform/errors/errors.ts';
import { createSystemClock } from '../platform/clock/system-clock.ts';
import { findExercise, printExercise } from './exercise/print-exercise.ts';
import { loadConfig } from './config.ts';
import { endProcess } from './end-process.ts';
import { runInstallation, untilStopped } from './run-installation.ts';
import { SAMPLE_HOST, startSampleHost } from './sample-target/sample-host.ts';
import { startSampleTarget } from './sample-target/sample-target.ts';
import { interruptedBySignals } from './signals.ts';

const HOUR_MS = 3_600_000;

interface StartOptions {
  readonly exercise: string | undefined;
  readonly seed: number;
  readonly config: string | undefined;
}

function readOptions(words: readonly string[]): StartOptions {
  const value = (name: string): string | undefined => {
    const at = words.findIndex((word) => word === `--${name}` || word.startsWith(`--${name}=`));
    if (at < 0) return undefined;
    return words[at]!.includes('=') ? words[at]!.slice(name.length + 3) : words[at + 1];
  };
  return { exercise: value('exercise'), seed: Number(value('seed') ?? '1'), config: value('config') };
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  const interrupted = interruptedBySignals();
  const exercise = options.exercise === undefined ? undefined : findExercise(options.exercise);
  const config = loadConfig(options.config, process.env);
  const say = (text: string): void => void process.stdout.write(`${text}\n`);

  say('Starting the sample target (PostgreSQL 18) ...');
  const clock = createSystemClock();
  const sample = await startSampleTarget(clock, config.dataFolder);
  let hostLacks = 'it was not started';
  const sampleHost = await startSampleHost(clock, config.dataFolder, (reason) => {
    hostLacks = reason;
  });
  say(
    sampleHost === undefined
      ? `No sample host for SSH: ${hostLacks}.`
      : 'Starting the sample host (sshd on loopback, as you) ...',
  );
  try {
    say('Starting gateway, detectors, responders and ingest ...');
    const running = await runInstallation(config, process.env, true, {
      configFile: options.config,
      connections: [sample.connection, ...(sampleHost === undefined ? [] : [sampleHost.connection])],
    });
    const { installation, logFile } = running;
    try {
      await sample.storeCredential(installation.gateway.vault);
      await sampleHost?.storeCredential(installation.gateway.vault);
      const api = { url: installation.gateway.api().url, token: installation.tokens.admin };
      const client = createApiClient(api);
      if (exercise !== undefined) {
        say('');
        const ok = await printExercise(
          {
            api: () => client,
            output: () => createOutput(false, (text) => void process.stdout.write(text)),
            now: clock.now,
            sleep: (delayMs, signal) => clock.sleep(delayMs, signal),
            program: [],
            interrupted,
            environment: process.env,
            stdin: process.stdin,
            stdout: process.stdout,
            stderr: process.stderr,
          },
          exercise,
          {
            seed: options.seed,
            connection: sample.connection.name,
            host:
              sampleHost === undefined ? { lacking: hostLacks } : { connection: sampleHost.connection.name },
          },
        );
        return ok ? 0 : 1;
      }
      const issued = await issueToken(client, {
        subject: 'you',
        kind: 'human',
        groups: ['engineers'],
        connections: sampleHost === undefined ? ['sample'] : ['sample', SAMPLE_HOST],
        ttlMs: HOUR_MS,
      });
      const listener = installation.gateway.listener('postgres')!;
      const sshListener = installation.gateway.listener('ssh')!;
      const certificate = resolve(config.dataFolder, 'loopback.crt');
      say(
        [
          '',
          'Countersign runs:',
          `  gateway     PostgreSQL clients on ${listener.host}:${listener.port}, control API on ${api.url}`,
          '  detectors   baselines and rules, on a thread of their own',
          '  responders  incidents and playbooks',
          '  ingest      every topic into the search index',
          `  sample      PostgreSQL 18 on 127.0.0.1:${sample.connection.port}, database shop, as connection "sample"`,
          sampleHost === undefined
            ? `  host        none: ${hostLacks}`
            : `  host        sshd on 127.0.0.1:${sampleHost.connection.port}, as you, as connection "${SAMPLE_HOST}"; SSH clients on ${sshListener.host}:${sshListener.port}`,
          `  data        ${config.dataFolder}  (log: ${logFile})`,
          '',
          'Log in (the token lives for an hour):',
          '',
          `  PGPASSWORD=${issued.token} \\`,
          `    psql "host=${listener.host} port=${listener.port} user=${issued.userName} dbname=sample sslmode=verify-ca sslrootcert=${certificate}"`,
          '',
          ...(sampleHost === undefined
            ? []
            : [
                `  ssh -p ${sshListener.port} ${SAMPLE_HOST}@${sshListener.host}    (password: the token)`,
                '',
              ]),
          'Without psql:          npx countersign sql sample',
          'See somebody caught:   npx countersign exercise run impersonation',
          'And a night deploy:    npx countersign exercise run benign-twin',
          'Look around:           npx countersign session ls, incident ls, event search --text orders',
          '',
          'Ctrl-C ends everything.',
        ].join('\n'),
      );
      await untilStopped(running, config.gateway.drainMs, interrupted);
      return 0;
    } finally {
      await installation.stop(2000);
    }
  } finally {
    await sampleHost?.stop();
    await sample.stop();
  }
}

try {
  await endProcess(createSystemClock(), await main());
} catch (error) {
  const { code, hint, message } = error as { code?: string; hint?: string; message: string };
  if (!isCountersignError(error) && hint === undefined) throw error;
  process.stderr.write(`${code}: ${message}\n${hint}\n`);
  process.exit(1);
}
