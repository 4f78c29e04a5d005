/** One session channel: a command, a shell or a subsystem, from what the client asks for to its exit status. */
import type { ClientChannel, ServerChannel } from 'ssh2';
import { sshError } from '../errors.ts';
import { usedUp } from '../library/buffers.ts';
import { sendChannelRequest, sendExit, sendSignal } from '../library/internals.ts';
import type { Upstream } from '../target/upstreams.ts';
import type { ConnectionContext } from './context.ts';
import type { Gate } from './gate.ts';
import type { ChannelInput, InputSinks } from './input.ts';
import { makeInput } from './make-input.ts';
import { createOutflow, type Outflow } from './outflow.ts';
import { denialText, type RequestEnd, type RunningRequest } from './requests.ts';
import { openAtTarget, requestOf, type Prepared, type Start } from './start.ts';

/** As a shell says of what it may not run. */
const EXIT_DENIED = 126;
/** As ssh says of its own failures. */
const EXIT_FAILED = 255;
/** Bytes of a client kept while something of it waits for its decision. */
const WAITING_BYTES_MAX = 256 * 1024;
/** The end of the output waits so long for the exit status, milliseconds. */
const EXIT_MS = 200;

export interface SessionChannel {
  /** Something runs at the target, and its end is not known yet. */
  readonly running: boolean;
  /** Ends the processes of the channel at once, as far as the target's sshd does that. */
  kill(): void;
  /** The connection is over. */
  close(): void;
}

export class Channel implements SessionChannel {
  readonly #context: ConnectionContext;
  readonly #name: string;
  readonly #down: ServerChannel;
  readonly #start: Start;
  readonly #prepared: Prepared;
  readonly #onClosed: () => void;
  readonly #toClient: Outflow;
  readonly #toTarget: Outflow;
  #up: ClientChannel | undefined;
  #upGate: Gate;
  #input: ChannelInput | undefined;
  #request: RunningRequest | undefined;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #feeding = false;
  #clientEnded = false;
  #recordingBusy = false;
  #exit: RequestEnd | undefined;
  #clientGone = false;
  /** The client waits no more for a command that is held. */
  #giveUp: (() => void) | undefined;
  #withoutInput = false;
  #over = false;
  #endWaits: (() => void) | undefined;

  constructor(
    context: ConnectionContext,
    parts: {
      readonly name: string;
      readonly down: ServerChannel;
      readonly start: Start;
      readonly prepared: Prepared;
      readonly onClosed: () => void;
    },
  ) {
    this.#context = context;
    this.#name = parts.name;
    this.#down = parts.down;
    this.#start = parts.start;
    this.#prepared = parts.prepared;
    this.#onClosed = parts.onClosed;
    const down = parts.down;
    this.#toClient = createOutflow(
      context.down,
      () => down,
      () => this.#flow(),
    );
    this.#upGate = context.upstreams.first.gate;
    this.#toTarget = createOutflow(
      // Which connection to the target it is stands only when the channel is open.
      { blocked: () => this.#upGate.blocked(), wait: (open) => this.#upGate.wait(open) },
      () => this.#up,
      () => this.#flow(),
    );
    down.on('error', () => undefined);
    down.stderr.on('error', () => undefined);
  }

  get running(): boolean {
    return this.#up !== undefined && this.#exit === undefined && !this.#over;
  }

  /** Decides, opens at the target, joins. */
  readonly begin = (): void => {
    if (this.#over) return;
    const { input, withoutInput } = requestOf(this.#context, this.#start, this.#name, this.#prepared);
    this.#withoutInput = withoutInput;
    const judged = this.#context.requests.judge(
      {
        ...input,
        notify: (message) => this.#tell(`countersign: ${message}`),
      },
      (giveUp) => {
        this.#giveUp = giveUp;
      },
    );
    const go = (ruling: Awaited<typeof judged>): void => {
      if (this.#over || this.#context.isOver()) {
        if (ruling.allowed) ruling.request.settle({ status: 'cut_off' });
        return;
      }
      if (!ruling.allowed) {
        this.#fail(denialText(ruling.denial), EXIT_DENIED);
        return;
      }
      this.#request = ruling.request;
      openAtTarget(this.#context, this.#start, this.#prepared, this.#name, (error, up, upstream) =>
        this.#opened(error, up, upstream),
      );
    };
    if (judged instanceof Promise)
      judged.then(go).catch((cause: unknown) => {
        this.#context.log.error({ cause }, 'a channel ended by a bug');
        this.#fail('countersign: the gateway failed', EXIT_FAILED);
      });
    else go(judged);
  };

  windowChange(size: { rows: number; cols: number; height: number; width: number }): void {
    this.#up?.setWindow(size.rows, size.cols, size.height, size.width);
    this.#input?.resize?.(size.cols, size.rows);
  }

  signal(name: string): void {
    if (this.#up !== undefined) sendSignal(this.#up, name);
  }

  /** The client takes no more output: the target must hear it, or what writes there writes for ever. */
  endOfWrite(): void {
    if (this.#up !== undefined) sendChannelRequest(this.#up, 'eow@openssh.com');
  }

  /** The client has closed the channel. */
  clientClosed(): void {
    if (this.#over || this.#clientGone) return;
    this.#clientGone = true;
    this.#toClient.close();
    const up = this.#up;
    if (up === undefined) {
      this.#giveUp?.();
      this.#finish({ status: 'cut_off' });
      return;
    }
    if (this.running && !this.#context.options.leaveProcesses) {
      this.kill();
      this.#context.endChannel(this.#name);
    }
    up.close();
    // Nobody reads any more; the target's close still comes through.
    up.resume();
    up.stderr.resume();
  }

  kill(): void {
    if (this.#up !== undefined) sendSignal(this.#up, 'KILL');
  }

  close(): void {
    this.#toClient.close();
    this.#toTarget.close();
    this.#finish({ status: 'cut_off' });
  }

  #opened(error: Error | undefined, up: ClientChannel | undefined, upstream?: Upstream): void {
    if (error !== undefined || up === undefined) {
      const reason = error?.message ?? 'no channel';
      const { message } = sshError('SSH_TARGET_CHANNEL_REFUSED', { reason });
      this.#request?.settle({
        status: 'error',
        errorCode: 'SSH_TARGET_CHANNEL_REFUSED',
        errorMessage: message,
      });
      this.#fail(`countersign: ${message}`, EXIT_FAILED);
      return;
    }
    up.on('error', () => undefined);
    up.stderr.on('error', () => undefined);
    this.#up = up;
    if (upstream !== undefined) this.#upGate = upstream.gate;
    if (this.#over || this.#context.isOver() || this.#clientGone) {
      sendSignal(up, 'KILL');
      up.close();
      up.resume();
      up.stderr.resume();
      this.#finish({ status: 'cut_off' });
      return;
    }
    this.#input = this.#makeInput();
    this.#join(up);
  }

  #makeInput(): ChannelInput {
    const { pty } = this.#prepared;
    const context = this.#context;
    const sinks: InputSinks = {
      toTarget: (bytes) => {
        if (this.#up !== undefined && !this.#toTarget.write(this.#up, bytes)) this.#flow();
      },
      usedUp: (bytes) => this.#toTarget.afterwards(() => usedUp(bytes)),
      toClient: (bytes) => {
        this.#record('out', bytes);
        this.#toClient.write(this.#down, bytes);
      },
      tellClient: (text, prompt = '') => {
        const bytes = Buffer.from(pty === undefined ? `${text}\n` : `\r\n${text}\r\n${prompt}`);
        this.#record('out', bytes);
        this.#toClient.write(pty === undefined ? this.#down.stderr : this.#down, bytes);
      },
      record: (bytes) => this.#record('in', bytes),
      recordSize: (columns, rows) => this.#record('size', Buffer.from(`${columns}x${rows}`)),
      broken: (reason) => this.#broken(reason),
      cutOff: (text) => this.#cutOff(text),
    };
    const [channel, start, prepared] = [this.#name, this.#start, this.#prepared] as const;
    return makeInput(context, { channel, start, prepared, withoutInput: this.#withoutInput }, sinks);
  }

  #join(up: ClientChannel): void {
    const down = this.#down;
    let streams = 2;
    let closed = false;
    // The library says `close` when the first stream is read to its end, whatever waits in the other.
    const closeIfDone = (): void => {
      if (closed && streams === 0) this.#toClient.afterwards(() => this.#targetClosed());
    };
    const ended = (): void => {
      streams -= 1;
      if (streams === 0) this.#endOutput();
      closeIfDone();
    };
    up.on('data', (bytes: Buffer) => this.#fromTarget(bytes, false));
    up.stderr.on('data', (bytes: Buffer) => this.#fromTarget(bytes, true));
    up.once('end', ended);
    up.stderr.once('end', ended);
    up.once('exit', (code: number | null, signal?: string, dumped?: boolean, message?: string) =>
      this.#exited(code, signal, dumped, message),
    );
    up.once('close', () => {
      closed = true;
      closeIfDone();
    });
    down.on('data', (bytes: Buffer) => this.#fromClient(bytes));
    if (this.#withoutInput) this.#toTarget.afterwards(() => up.eof());
    down.once('end', () => {
      this.#clientEnded = true;
      this.#pump();
    });
  }

  /**
   * The target sends no more. Clients of the same library close when they hear that, and miss an exit status that comes after it:
   * it goes first, where it comes soon.
   */
  #endOutput(): void {
    const end = (): void => {
      patience.cancel();
      this.#endWaits = undefined;
      this.#toClient.afterwards(() => this.#down.eof());
    };
    const patience = this.#context.clock.after(EXIT_MS, end, { background: true });
    this.#endWaits = end;
    if (this.#exit !== undefined) end();
  }

  #fromTarget(bytes: Buffer, isError: boolean): void {
    if (this.#over) return;
    const broken = this.#request?.absorb(bytes);
    if (broken !== undefined) {
      this.#cutOff(broken);
      return;
    }
    this.#record('out', bytes);
    const pieces = isError ? [bytes] : (this.#input?.output?.(bytes) ?? [bytes]);
    const down = isError ? this.#down.stderr : this.#down;
    let more = true;
    for (const piece of pieces) more = this.#toClient.write(down, piece);
    // A terminal reads its output later.
    if (this.#input?.keepsOutput !== true) this.#toClient.afterwards(() => usedUp(bytes));
    if (!more) this.#flow();
  }

  #fromClient(bytes: Buffer): void {
    if (this.#feeding) this.#input?.ahead?.(bytes);
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#pump();
    if (this.#waitingBytes > WAITING_BYTES_MAX) this.#flow();
  }

  /** Feeds what the client sent, in order, each piece when the one before is decided. */
  #pump(): void {
    while (!this.#feeding && !this.#over && this.#input !== undefined) {
      const bytes = this.#waiting.shift();
      if (bytes === undefined) break;
      this.#waitingBytes -= bytes.length;
      const fed = this.#input.feed(bytes);
      if (fed instanceof Promise) this.#wait(fed);
    }
    if (this.#clientEnded && !this.#feeding && this.#waiting.length === 0 && this.#up !== undefined) {
      this.#clientEnded = false;
      const up = this.#up;
      // Not `end`: the library closes a channel that has ended both ways, and its exit status is lost.
      const end = (): void => this.#toTarget.afterwards(() => up.eof());
      const ended = this.#input?.end();
      if (ended instanceof Promise) this.#wait(ended.then(end));
      else end();
    }
    this.#flow();
  }

  #wait(work: Promise<void>): void {
    this.#feeding = true;
    work
      .catch((cause: unknown) => {
        this.#context.log.error({ cause }, 'a channel ended by a bug');
        this.#broken('the gateway failed');
      })
      .finally(() => {
        this.#feeding = false;
        this.#pump();
      })
      .catch(() => undefined);
  }

  /** Stops whoever outruns the other side, the decisions or the recording. */
  #flow(): void {
    if (this.#over) return;
    const up = this.#up;
    if (up === undefined) return;
    const stopTarget = this.#recordingBusy || !this.#toClient.open;
    const stopClient = this.#recordingBusy || !this.#toTarget.open || this.#waitingBytes > WAITING_BYTES_MAX;
    for (const stream of [up, up.stderr]) {
      if (stopTarget && !stream.isPaused()) stream.pause();
      else if (!stopTarget && stream.isPaused()) stream.resume();
    }
    if (stopClient && !this.#down.isPaused()) this.#down.pause();
    else if (!stopClient && this.#down.isPaused()) this.#down.resume();
  }

  #record(stream: 'in' | 'out' | 'size', bytes: Buffer): void {
    const { recording } = this.#context.session;
    if (recording.write(stream, this.#request?.id ?? null, bytes) || this.#recordingBusy) return;
    this.#recordingBusy = true;
    const resume = (): void => {
      this.#recordingBusy = false;
      this.#flow();
    };
    recording.drained().then(resume, resume);
    this.#flow();
  }

  #exited(code: number | null, signal?: string, dumped?: boolean, message?: string): void {
    const name = signal?.replace(/^SIG/, '') ?? 'TERM';
    this.#exit = this.#clientGone
      ? { status: 'cut_off' }
      : code === 0
        ? { status: 'ok', tag: 'exit 0' }
        : {
            status: 'error',
            tag: code === null ? `signal ${name}` : `exit ${code}`,
            errorCode: code === null ? name : String(code),
          };
    const exit =
      code === null ? { signal: name, dumped: dumped ?? false, message: message ?? '' } : { status: code };
    this.#toClient.afterwards(() => sendExit(this.#down, exit));
    this.#endWaits?.();
  }

  #targetClosed(): void {
    if (this.#over) return;
    const down = this.#down;
    down.eof();
    down.close();
    this.#finish(this.#exit ?? (this.#clientGone ? { status: 'cut_off' } : { status: 'ok', tag: 'closed' }));
  }

  #broken(reason: string): void {
    if (this.#over) return;
    const { message } = sshError('SSH_PROTOCOL_VIOLATION', { reason });
    this.kill();
    this.#up?.close();
    this.#request?.settle({ status: 'error', errorCode: 'SSH_PROTOCOL_VIOLATION', errorMessage: message });
    this.#fail(`countersign: ${message}`, EXIT_FAILED);
  }

  /** A line for the client while it waits: on stderr, or on its terminal. */
  #tell(text: string): void {
    if (this.#over) return;
    const bytes = Buffer.from(`${text}${this.#prepared.pty === undefined ? '\n' : '\r\n'}`);
    this.#record('out', bytes);
    this.#toClient.write(this.#down.stderr, bytes);
  }

  /** A limit of policy is reached: what runs is ended, and the client hears which. */
  #cutOff(text: string): void {
    if (this.#over) return;
    this.kill();
    this.#context.endChannel(this.#name);
    this.#up?.close();
    this.#request?.settle({ status: 'cut_off', errorCode: 'SSH_CUT_OFF', errorMessage: text });
    this.#fail(text, EXIT_DENIED);
  }

  /** Says why on the client's stderr, and closes the channel. */
  #fail(text: string, status: number): void {
    if (this.#over) return;
    const down = this.#down;
    const line = Buffer.from(`${text}${this.#prepared.pty === undefined ? '\n' : '\r\n'}`);
    this.#record('out', line);
    this.#toClient.write(down.stderr, line);
    this.#toClient.afterwards(() => {
      sendExit(down, { status });
      down.eof();
      down.close();
    });
    // The client's bytes lead nowhere.
    down.resume();
    this.#finish({ status: 'error' });
  }

  #finish(end: RequestEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#input?.close();
    this.#request?.settle(end);
    this.#waiting = [];
    this.#onClosed();
  }
}
