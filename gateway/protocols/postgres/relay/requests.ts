/** Requests that run: what their answers came to, until they are reported. */
import { createHash, type Hash } from 'node:crypto';
import type { Clock } from '../../../../platform/clock/clock.ts';
import type { ResponseStatus } from '../../../../schemas/types.ts';
import { sha256 } from '../../../../platform/digest/sha256.ts';
import type { ResponseInput, Session } from '../../../sessions/session.ts';
import type { Bounds, Passed } from './limits.ts';

/** An allowed request whose response has not been reported. */
export interface RunningRequest {
  readonly id: string;
  /** Grows in the order of the commands. */
  readonly order: number;
  /** What its answer may not pass; null where policy sets no limit. */
  readonly bounds: Bounds | null;
  /** Rows that went to the client, of SELECT and of COPY. */
  passedRows: number;
  startedUs: number;
  rows: number;
  /** Rows of the statement that is being answered (a query string can hold several). */
  statementRows: number;
  bytes: number;
  tag: string | null;
  error: { readonly sqlState: string; readonly message: string } | null;
  /** The answer so far: one piece as it is, or a hash over several. */
  body: Hash | Buffer | null;
  settled: boolean;
}

export interface Requests {
  begin(id: string, bounds?: Bounds | null): RunningRequest;
  /** A row went to the client. */
  passRow(request: RunningRequest): void;
  /** What went to the client in the whole session. */
  readonly passed: Passed;
  /** Requests whose response has not been reported. */
  readonly open: number;
  /** Order that the next request will get. */
  readonly nextOrder: number;
  /** Takes a piece of the answer: recorded, hashed, counted. */
  absorb(request: RunningRequest | null, bytes: Buffer): void;
  /** Records what the client sent. */
  recordIn(requestId: string | null, bytes: Buffer): void;
  /** Reports the response; a second call does nothing. */
  settle(request: RunningRequest, status: ResponseStatus, note?: string): void;
  /** From now until `catchUp`, recording and reports wait: what goes to a socket goes first. */
  defer(): void;
  catchUp(): void;
  /** Settles all before `order` that have not been: bound and never executed. */
  settleBefore(order: number, status: ResponseStatus, note: string): void;
}

export interface RecordingFlow {
  /** Called when the recording asks to wait. */
  onRecordingBusy(): void;
}

/** What can wait until the bytes themselves are on their way. */
type Late =
  | { readonly stream: 'in' | 'out'; readonly id: string | null; readonly bytes: Buffer }
  | {
      readonly stream: null;
      readonly id: string;
      readonly response: ResponseInput;
      readonly body: RunningRequest['body'];
    };

export function createRequests(clock: Clock, session: Session, flow: RecordingFlow): Requests {
  const open = new Set<RunningRequest>();
  let order = 0;
  const passed = { rows: 0, bytes: 0 };
  let late: Late[] = [];
  let deferring = false;
  const carryOut = (item: Late): void => {
    if (item.stream !== null) {
      if (!session.recording.write(item.stream, item.id, item.bytes)) flow.onRecordingBusy();
      return;
    }
    const { body } = item;
    session.response(item.id, {
      ...item.response,
      // Most answers come in one piece: hashing that at once is several times cheaper than a hash object.
      bodyDigest: body === null ? null : Buffer.isBuffer(body) ? sha256(body) : body.digest(),
    });
  };
  const take = (item: Late): void => {
    if (deferring) late.push(item);
    else carryOut(item);
  };
  const settle: Requests['settle'] = (request, status, note) => {
    if (request.settled) return;
    request.settled = true;
    open.delete(request);
    const { body } = request;
    request.body = null;
    const response = {
      status,
      rows: request.rows,
      bytes: request.bytes,
      durationUs: Math.max(0, Math.round(clock.monotonicUs() - request.startedUs)),
      tag: request.tag,
      errorCode: request.error?.sqlState ?? null,
      errorMessage: request.error === null ? (note ?? null) : request.error.message,
    };
    take({ stream: null, id: request.id, response, body });
  };
  return {
    get open() {
      return open.size;
    },
    get nextOrder() {
      return order;
    },
    passed,
    passRow(request) {
      request.passedRows += 1;
      passed.rows += 1;
    },
    begin(id, bounds = null) {
      const request: RunningRequest = {
        id,
        order,
        bounds,
        passedRows: 0,
        startedUs: clock.monotonicUs(),
        rows: 0,
        statementRows: 0,
        bytes: 0,
        tag: null,
        error: null,
        body: null,
        settled: false,
      };
      order += 1;
      open.add(request);
      return request;
    },
    absorb(request, bytes) {
      passed.bytes += bytes.length;
      if (request !== null) {
        request.bytes += bytes.length;
        const { body } = request;
        if (body === null) request.body = bytes;
        else if (Buffer.isBuffer(body)) request.body = createHash('sha256').update(body).update(bytes);
        else body.update(bytes);
      }
      take({ stream: 'out', id: request === null ? null : request.id, bytes });
    },
    recordIn: (id, bytes) => take({ stream: 'in', id, bytes }),
    settle,
    defer() {
      deferring = true;
    },
    catchUp() {
      deferring = false;
      if (late.length === 0) return;
      const items = late;
      late = [];
      for (const item of items) carryOut(item);
    },
    settleBefore(before, status, note) {
      if (open.size === 0) return;
      for (const request of open) if (request.order < before) settle(request, status, note);
    },
  };
}
