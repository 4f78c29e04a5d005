/** A real rsyslog that listens for syslog over TLS on loopback and writes each message, as it understood it, to a file. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystemClock } from '../../../platform/clock/system-clock.ts';
import { freePorts } from '../../../main/sample-target/free-ports.ts';
import { bringRsyslog } from './binaries.ts';

/** A message as rsyslog parsed it. */
export interface ReceivedMessage {
  readonly pri: string;
  readonly timestamp: string;
  readonly hostname: string;
  readonly appName: string;
  readonly messageId: string;
  readonly structuredData: string;
  readonly message: string;
  readonly raw: string;
}

export interface TestRsyslog {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** NDJSON of what it has received. */
  readonly receivedFile: string;
  /** What it has written so far, in order. */
  messages(): ReceivedMessage[];
  /** Ends it in order (SIGTERM) or at once (SIGKILL). */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Its system takes connections, itself does nothing, until it is woken. */
  freeze(): void;
  wake(): void;
  /** Starts it again on the same port; what it wrote stays. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface RsyslogOptions {
  readonly caFile: string;
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Whether clients need a certificate of the authority. */
  readonly clientCertificates?: boolean;
  readonly messageBytesMax?: number;
}

const START_MS_MAX = 30_000;

const FIELDS = {
  pri: 'pri',
  timestamp: 'timereported" dateFormat="rfc3339',
  hostname: 'hostname',
  appName: 'app-name',
  messageId: 'msgid',
  structuredData: 'structured-data',
  message: 'msg',
  raw: 'rawmsg-after-pri',
} satisfies Record<keyof ReceivedMessage, string>;

function configuration(options: RsyslogOptions, port: number, folder: string): string {
  const properties = Object.entries(FIELDS).map(
    ([outname, name]) => `  property(outname="${outname}" name="${name}" format="jsonf")`,
  );
  return `global(
  workDirectory="${folder}/work"
  maxMessageSize="${options.messageBytesMax ?? 65_536}"
  parser.escapeControlCharactersOnReceive="off"
  defaultNetstreamDriver="ossl"
  defaultNetstreamDriverCAFile="${options.caFile}"
  defaultNetstreamDriverCertFile="${options.certificateFile}"
  defaultNetstreamDriverKeyFile="${options.keyFile}"
)
module(load="imtcp" StreamDriver.Name="ossl" StreamDriver.Mode="1"
  StreamDriver.AuthMode="${options.clientCertificates === true ? 'x509/certvalid' : 'anon'}")
template(name="parsed" type="list" option.jsonf="on") {
${properties.join('\n')}
}
ruleset(name="received") {
  action(type="omfile" file="${folder}/received.ndjson" template="parsed" flushOnTXEnd="on" asyncWriting="off")
}
input(type="imtcp" address="127.0.0.1" port="${port}" ruleset="received" SupportOctetCountedFraming="on")
`;
}

/** Fails where it cannot be had; ask `lacking('rsyslogd')` first. Call `stop()` in `after`. */
export async function startRsyslog(options: RsyslogOptions): Promise<TestRsyslog> {
  const binaries = bringRsyslog();
  if (binaries === undefined) throw new Error('rsyslog cannot be had here');
  const clock = createSystemClock();
  const folder = mkdtempSync(join(tmpdir(), 'countersign-test-rsyslog-'));
  mkdirSync(join(folder, 'work'));
  const [port] = await freePorts(1);
  writeFileSync(join(folder, 'rsyslog.conf'), configuration(options, port!, folder));
  const file = join(folder, 'received.ndjson');
  let child: ChildProcess;

  const listens = (): Promise<boolean> =>
    new Promise((resolve) => {
      const probe = connect(port!, '127.0.0.1');
      probe.once('connect', () => {
        probe.destroy();
        resolve(true);
      });
      probe.once('error', () => resolve(false));
    });
  const start = async (): Promise<void> => {
    let said = '';
    rmSync(join(folder, 'pid'), { force: true });
    child = spawn(
      binaries.program,
      ['-n', '-f', join(folder, 'rsyslog.conf'), '-i', join(folder, 'pid'), '-M', binaries.moduleFolder],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...process.env, LD_LIBRARY_PATH: binaries.libraryFolder },
      },
    );
    child.stderr!.on('data', (piece: Buffer) => (said = (said + piece.toString()).slice(-4000)));
    for (const end = clock.monotonicUs() + START_MS_MAX * 1000; !(await listens()); await clock.sleep(20)) {
      if (child.exitCode !== null || clock.monotonicUs() > end)
        throw new Error(`rsyslog did not start: ${said}`);
    }
  };
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  };
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithUs);
  await start();
  return {
    host: '127.0.0.1',
    port: port!,
    receivedFile: file,
    messages() {
      if (!existsSync(file)) return [];
      const lines = readFileSync(file, 'utf8').split('\n');
      // The last one may be half written.
      return lines.slice(0, -1).map((line) => JSON.parse(line) as ReceivedMessage);
    },
    end,
    freeze: () => void child.kill('SIGSTOP'),
    wake: () => void child.kill('SIGCONT'),
    restart: start,
    async stop() {
      process.off('exit', endWithUs);
      await end('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
