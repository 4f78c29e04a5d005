/** Port forwarding both ways: denied unless the connection allows it, each a request, its bytes counted and recorded. */
import type { Channel, ClientChannel, ServerChannel } from 'ssh2';
import type { RequestInput } from '../../../sessions/session.ts';
import type { ConnectionContext } from './context.ts';
import { createOutflow } from './outflow.ts';
import type { RunningRequest } from './requests.ts';

type Duplex = Channel;

/** Listeners that one connection may have on the target. */
const LISTENERS_MAX = 64;

function forwardInput(
  context: ConnectionContext,
  verb: string,
  object: string,
  action: 'forward_local' | 'forward_remote',
  channel: string | null,
): RequestInput {
  const { options, permits } = context;
  const option = action === 'forward_local' ? 'localForwarding' : 'remoteForwarding';
  const allowed = permits.forwarding && options[option];
  return {
    verb,
    text: object,
    fingerprint: `${verb}:${object}`,
    actions: [{ action, objectKind: 'address', object, columns: [], whole: false }],
    risk: 'medium',
    channel,
    ...(allowed
      ? {}
      : { forcedDenial: { rule: option, reason: 'port forwarding is not allowed on this connection' } }),
  };
}

/** Joins two streams until both are closed; each piece is recorded and counted as the request's. */
function join(
  context: ConnectionContext,
  down: Duplex,
  up: Duplex,
  request: RunningRequest,
  onClosed: () => void,
): void {
  let recordingBusy = false;
  const record = (stream: 'in' | 'out', bytes: Buffer): void => {
    if (stream === 'out') request.absorb(bytes);
    if (context.session.recording.write(stream, request.id, bytes) || recordingBusy) return;
    recordingBusy = true;
    const resume = (): void => {
      recordingBusy = false;
      flow();
    };
    context.session.recording.drained().then(resume, resume);
  };
  const toDown = createOutflow(
    context.down,
    () => down,
    () => flow(),
  );
  const toUp = createOutflow(
    context.up,
    () => up,
    () => flow(),
  );
  const flow = (): void => {
    for (const [source, sink] of [
      [up, toDown],
      [down, toUp],
    ] as const) {
      const stop = recordingBusy || !sink.open;
      if (stop && !source.isPaused()) source.pause();
      else if (!stop && source.isPaused()) source.resume();
    }
  };
  let open = 2;
  const closed = (): void => {
    open -= 1;
    if (open > 0) return;
    request.settle({ status: 'ok' });
    onClosed();
  };
  for (const [source, sink, stream] of [
    [up, toDown, down],
    [down, toUp, up],
  ] as const) {
    source.on('error', () => undefined);
    source.on('data', (bytes: Buffer) => {
      record(source === up ? 'out' : 'in', bytes);
      if (!sink.write(stream, bytes)) flow();
    });
    source.once('end', () => sink.afterwards(() => eof(stream)));
    source.once('close', () => {
      sink.afterwards(() => (stream as unknown as { close(): void }).close());
      closed();
    });
  }
}

/** Half close, on either side of the library. */
const eof = (stream: Duplex): void => (stream as unknown as { eof(): void }).eof();

export function serveForwards(context: ConnectionContext, nextName: () => string): void {
  const { connection, client, options } = context;
  let open = 0;
  const decide = async (input: RequestInput): Promise<RunningRequest | undefined> => {
    const ruling = await context.requests.judge(input);
    return ruling.allowed ? ruling.request : undefined;
  };
  /** From the client towards what the target can reach. */
  const forwardOut = (
    verb: string,
    object: string,
    accept: () => ServerChannel,
    reject: () => void,
    openUp: (done: (error: Error | undefined, up: ClientChannel) => void) => void,
  ): void => {
    if (open >= options.channelsMax) {
      reject();
      return;
    }
    open += 1;
    const done = (): void => {
      open -= 1;
    };
    const refuse = (): void => {
      done();
      reject();
    };
    decide(forwardInput(context, verb, object, 'forward_local', nextName()))
      .then((request) => {
        if (request === undefined || context.isOver()) return refuse();
        openUp((error, up) => {
          if (error !== undefined) {
            request.settle({ status: 'error', errorMessage: error.message.slice(0, 500) });
            refuse();
            return;
          }
          join(context, accept(), up, request, done);
        });
      })
      .catch((cause: unknown) => {
        context.log.error({ cause }, 'a forward ended by a bug');
        refuse();
      });
  };
  connection.on('tcpip', (accept, reject, { srcIP, srcPort, destIP, destPort }) =>
    forwardOut('direct-tcpip', `${destIP}:${destPort}`, accept, reject, (done) =>
      client.forwardOut(srcIP, srcPort, destIP, destPort, done),
    ),
  );
  connection.on('openssh.streamlocal', (accept, reject, { socketPath }) =>
    forwardOut('direct-streamlocal', socketPath, accept, reject, (done) =>
      client.openssh_forwardOutStreamLocal(socketPath, done),
    ),
  );
  serveListeners(context, nextName, decide);
}

/** What the client asks the target to listen on, and who connects there. */
function serveListeners(
  context: ConnectionContext,
  nextName: () => string,
  decide: (input: RequestInput) => Promise<RunningRequest | undefined>,
): void {
  const { connection, client } = context;
  const listening = new Map<string, RunningRequest>();
  connection.on('request', (accept, reject, name, info) => {
    const { bindAddr, bindPort } = info;
    const object = `${bindAddr}:${bindPort}`;
    if (name === 'cancel-tcpip-forward') {
      client.unforwardIn(bindAddr, bindPort, (error) => {
        if (error !== undefined) return reject?.();
        listening.get(object)?.settle({ status: 'ok' });
        listening.delete(object);
        accept?.();
      });
      return;
    }
    if (name !== 'tcpip-forward' || listening.size >= LISTENERS_MAX) {
      reject?.();
      return;
    }
    decide(forwardInput(context, name, object, 'forward_remote', null))
      .then((request) => {
        if (request === undefined || context.isOver()) return reject?.();
        client.forwardIn(bindAddr, bindPort, (error, port) => {
          if (error !== undefined) {
            request.settle({ status: 'error', errorMessage: error.message.slice(0, 500) });
            reject?.();
            return;
          }
          listening.set(`${bindAddr}:${bindPort === 0 ? port : bindPort}`, request);
          accept?.(port);
        });
      })
      .catch((cause: unknown) => {
        context.log.error({ cause }, 'a forward ended by a bug');
        reject?.();
      });
  });
  client.on('tcp connection', ({ destIP, destPort, srcIP, srcPort }, accept, reject) => {
    const object = `${destIP}:${destPort} from ${srcIP}:${srcPort}`;
    decide(forwardInput(context, 'forwarded-tcpip', object, 'forward_remote', nextName()))
      .then((request) => {
        if (request === undefined || context.isOver()) return reject();
        connection.forwardOut(destIP, destPort, srcIP, srcPort, (error, down) => {
          if (error !== undefined) {
            request.settle({ status: 'error', errorMessage: error.message.slice(0, 500) });
            reject();
            return;
          }
          join(context, down, accept(), request, () => undefined);
        });
      })
      .catch(() => reject());
  });
}
