/** Syslog over TLS: batches that come close together share one connection (see tls-flight.ts). */
import type { SyslogSinkConfig } from '../../../schemas/config/sinks.ts';
import type { OutgoingDocument, SendOutcome, Sink, SinkDeps } from '../sink.ts';
import { readTlsOptions } from '../tls-options.ts';
import { createMessageWriter } from './message.ts';
import { createKeptConnection, flyAndClose, openTls } from './tls-flight.ts';

interface Waiting {
  readonly frames: readonly Buffer[];
  readonly signal: AbortSignal;
  done(outcome: SendOutcome): void;
}

export async function createSyslogSink(deps: SinkDeps, config: SyslogSinkConfig): Promise<Sink> {
  const { clock } = deps;
  const { host, port } = config;
  // Mistakes in it are found at the start.
  readTlsOptions(config.name, config.tls);
  const write = createMessageWriter(config, {
    hostname: config.hostname ?? deps.hostname,
    version: deps.version,
  });
  const open = () => openTls({ host, port }, readTlsOptions(config.name, config.tls));
  const kept = createKeptConnection(clock, open);
  const closing = new AbortController();
  /** Bounded by the delivery: it has few batches under way at once (SENDS_MAX). */
  let waiting: Waiting[] = [];
  let running = false;

  const fly = async (flight: readonly Waiting[]): Promise<void> => {
    const frames = flight.flatMap((one) => one.frames);
    const options = {
      timeoutMs: config.attemptTimeoutMs,
      signal: AbortSignal.any([closing.signal, ...flight.map(({ signal }) => signal)]),
    };
    let outcome: SendOutcome;
    try {
      outcome = await (config.confirm === 'close'
        ? flyAndClose(clock, open, frames, options)
        : kept.send(frames, options));
    } catch (error) {
      outcome = { outcome: 'failed', cause: 'receiver', reason: (error as Error).message };
    }
    for (const { done } of flight) done(outcome);
  };
  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      await clock.sleep(config.lingerMs, closing.signal).catch(() => undefined);
      const flight = waiting;
      waiting = [];
      await fly(flight);
    }
    running = false;
  };

  return {
    sizeOf: (document: OutgoingDocument) => write(document)?.length ?? 0,
    send(batch, signal) {
      const frames: Buffer[] = [];
      for (const document of batch) {
        const frame = write(document);
        if (frame === undefined) {
          return Promise.resolve({
            outcome: 'too-large',
            reason: `it cannot be made to fit ${config.messageBytesMax} bytes`,
          });
        }
        frames.push(frame);
      }
      return new Promise((done) => {
        waiting.push({ frames, signal, done });
        if (running) return;
        running = true;
        run().catch(() => undefined);
      });
    },
    close() {
      closing.abort(new Error('the sink is closed'));
      kept.close();
    },
  };
}
