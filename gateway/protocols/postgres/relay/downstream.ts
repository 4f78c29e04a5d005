/**
 * Target to client: reads message headers only, passes on the bytes as they came, and tells each request how it ended. Only what
 * is small is looked into: tags, errors, reports.
 */
import { isAsciiSafe } from '../login/startup-parameters.ts';
import { postgresError } from '../errors.ts';
import { decodeRow } from '../wire/row.ts';
import { decodeError, decodeParameterStatus, decodeTag, rowsOfTag } from '../wire/decode.ts';
import { FrameReader, type FrameRules } from '../wire/frame-reader.ts';
import { BACKEND } from '../wire/message-types.ts';
import type { RelayContext } from './context.ts';
import { denialResponse, isProvoked, liftedMessage } from './denial.ts';
import type { Expected } from './expectations.ts';
import { brokenLimit, cutOffMessage, cutOffResponse, CUT_OFF_SQLSTATE, type Bounds } from './limits.ts';
import type { RunningRequest } from './requests.ts';
import { SettingsTracker } from './settings.ts';
import type { Upstream } from './upstream.ts';

const LARGE_BYTES_MAX = 0x3fff_ffff;
/** Errors, reports and the like are kept whole while they are read. */
const WHOLE_BYTES_MAX = 1024 * 1024;
/** An answer that goes on so long after it was cut off and cancelled ends the session. */
const CUT_OFF_MS = 10_000;

const STREAMED: readonly number[] = [
  BACKEND.dataRow,
  BACKEND.copyData,
  BACKEND.rowDescription,
  BACKEND.parameterDescription,
  BACKEND.noticeResponse,
  BACKEND.notificationResponse,
  BACKEND.functionCallResponse,
];
/** Longest message of each type; 0: there is no such type. */
const LENGTHS = new Uint32Array(256);
for (const type of Object.values(BACKEND)) LENGTHS[type] = WHOLE_BYTES_MAX;
for (const type of STREAMED) LENGTHS[type] = LARGE_BYTES_MAX;
const RULES: FrameRules = {
  lengthMax: (type) => LENGTHS[type]!,
  streamed: (type) => LENGTHS[type] === LARGE_BYTES_MAX,
};

export class Downstream {
  readonly #context: RelayContext;
  readonly #client: Upstream;
  readonly reader = new FrameReader(RULES);
  /** The target has said why it ends the session. */
  fatalSeen = false;
  #closes = 0;
  /** Where the bytes start that were not yet absorbed. */
  #bodyStart = 0;
  /** An answer was cut off: the client has its error and sees nothing more until ReadyForQuery. Counts the cuts. */
  #muted = 0;
  #cuts = 0;
  /** The rest of a message that the client does not see is on its way. */
  #hiding = false;

  constructor(context: RelayContext, client: Upstream) {
    this.#context = context;
    this.#client = client;
  }

  push(chunk: Buffer): void {
    const { reader } = this;
    const { downstream, expectations, requests } = this.#context;
    reader.push(chunk);
    requests.defer();
    const { buffer } = reader;
    let started = false;
    let end = 0;
    while (!this.#context.isOver() && reader.next()) {
      if (!started) {
        started = true;
        this.#bodyStart = reader.start;
      }
      const { start, type } = reader;
      end = reader.end;
      const { head } = expectations;
      if (type === BACKEND.dataRow && head?.kind !== 'refresh') this.#row(buffer, start, end, head);
      else if (head?.kind === 'refresh' && isOfRefresh(type)) this.#refresh(type, buffer, start, end, head);
      else this.#handle(type, buffer, start, end, head);
    }
    if (this.#context.isOver()) return;
    if (started) this.#absorb(buffer, end);
    this.#context.send(downstream);
    if (reader.error !== undefined)
      this.#context.fail(
        postgresError('POSTGRES_PROTOCOL_VIOLATION', {
          reason: `the target sent message ${JSON.stringify(String.fromCharCode(reader.error.type))}: ${reader.error.kind}`,
        }),
        'protocol_error',
      );
  }

  /** A row of a SELECT, or the first piece or a further one of it. */
  #row(buffer: Buffer, start: number, end: number, head: Expected | undefined): void {
    const request = head?.request ?? null;
    if (this.reader.first && request !== null && this.#muted === 0) {
      const { bounds } = request;
      if (bounds !== null && this.#cutOff(request, bounds, buffer, start, end)) return;
      request.rows += 1;
      request.statementRows += 1;
      this.#context.requests.passRow(request);
    }
    this.#pass(buffer, start, end);
  }

  /** A row of a COPY that goes out. */
  #copyRow(buffer: Buffer, start: number, end: number, head: Expected | undefined): void {
    const request = head?.request ?? null;
    if (this.reader.first && request !== null && this.#muted === 0) {
      const { bounds } = request;
      if (bounds !== null && this.#cutOff(request, bounds, buffer, start, end)) return;
      this.#context.requests.passRow(request);
    }
    this.#pass(buffer, start, end);
  }

  /** Passes a message on, unless the client has heard that its command failed. */
  #pass(buffer: Buffer, start: number, end: number): void {
    if (this.#muted === 0) this.#context.downstream.forward(buffer, start, end);
    else {
      this.#absorb(buffer, start, null);
      this.#bodyStart = end;
    }
  }

  /**
   * Would this row break a limit? Then the client gets an error in its place, the target is asked to cancel, and what it sends until
   * ReadyForQuery goes nowhere. No further command reaches the target before it has taken the request to cancel: it must not
   * hit one of those.
   */
  #cutOff(request: RunningRequest, bounds: Bounds, buffer: Buffer, start: number, end: number): boolean {
    const { requests, downstream, expectations, clock } = this.#context;
    const bytes = start - this.#bodyStart + buffer.readUInt32BE(start + 1) + 1;
    const limit = brokenLimit(
      bounds,
      { rows: request.passedRows + 1, bytes: request.bytes + bytes },
      { rows: requests.passed.rows + 1, bytes: requests.passed.bytes + bytes },
    );
    if (limit === undefined) return false;
    this.#absorb(buffer, start, request);
    this.#bodyStart = end;
    const ours = cutOffResponse(bounds, limit);
    downstream.insert(ours);
    request.error = { sqlState: CUT_OFF_SQLSTATE, message: cutOffMessage(limit) };
    request.rows = request.passedRows;
    requests.settle(request, 'cut_off');
    requests.absorb(null, ours);
    this.#cuts += 1;
    const cut = this.#cuts;
    this.#muted = cut;
    if (expectations.head?.kind === 'execute' && !expectations.syncSent) this.#client.skipToSync();
    this.#client.turn.block(this.#context.cancelRunning());
    clock.after(
      CUT_OFF_MS,
      () => {
        if (this.#muted === cut && !this.#context.isOver())
          this.#context.fail(postgresError('POSTGRES_CUT_OFF_STUCK', { limit }), 'killed');
      },
      { background: true },
    );
    return true;
  }

  /** Counts, records and hashes what went to the client up to `end`. */
  #absorb(
    buffer: Buffer,
    end: number,
    request = this.#muted === 0 ? this.#context.expectations.current() : null,
  ): void {
    if (end > this.#bodyStart) this.#context.requests.absorb(request, buffer.subarray(this.#bodyStart, end));
    this.#bodyStart = end;
  }

  #handle(type: number, buffer: Buffer, start: number, end: number, head: Expected | undefined): void {
    const { downstream, expectations } = this.#context;
    switch (type) {
      case BACKEND.commandComplete:
      case BACKEND.emptyQueryResponse:
      case BACKEND.portalSuspended:
        this.#pass(buffer, start, end);
        this.#complete(type, buffer, start, end, head);
        return;
      case BACKEND.errorResponse:
        this.#error(buffer, start, end, head);
        return;
      case BACKEND.readyForQuery:
        if (this.#muted > 0) {
          this.#absorb(buffer, start, null);
          this.#muted = 0;
        }
        downstream.forward(buffer, start, end);
        this.#ready(buffer, end, head);
        return;
      case BACKEND.parameterStatus:
        downstream.forward(buffer, start, end);
        this.#report(buffer, start, end);
        return;
      case BACKEND.copyData:
        this.#copyRow(buffer, start, end, head);
        return;
      case BACKEND.noticeResponse:
      case BACKEND.notificationResponse:
        downstream.forward(buffer, start, end);
        return;
      case BACKEND.copyInResponse:
        downstream.forward(buffer, start, end);
        if (expectations.startCopyIn()) this.#client.turn.releaseForCopy();
        else this.#client.turn.violation('messages behind a COPY that reads from the client');
        return;
      case BACKEND.functionCallResponse:
        if (this.reader.first && head !== undefined && head.request !== null) head.request.rows = 1;
        this.#pass(buffer, start, end);
        return;
      case BACKEND.parseComplete:
        if (head?.kind === 'query' && head.denial !== null) {
          // Names that were asked for are there now: the denial follows.
          this.#absorb(buffer, start, null);
          this.#bodyStart = end;
          return;
        }
        this.#pass(buffer, start, end);
        if (head?.kind === 'parse') expectations.shift();
        return;
      case BACKEND.bindComplete:
        this.#pass(buffer, start, end);
        if (head?.kind === 'bind') expectations.shift();
        return;
      case BACKEND.closeComplete:
        this.#pass(buffer, start, end);
        if (head?.kind === 'close') expectations.shift();
        return;
      case BACKEND.noData:
      case BACKEND.rowDescription:
        this.#pass(buffer, start, end);
        if (head?.kind === 'describe' && this.reader.last) expectations.shift();
        return;
      default:
        this.#pass(buffer, start, end);
    }
  }

  #complete(type: number, buffer: Buffer, start: number, end: number, head: Expected | undefined): void {
    const { expectations, requests } = this.#context;
    const request = head?.request ?? null;
    expectations.endCopyIn();
    if (head === undefined || request === null) return;
    if (type === BACKEND.commandComplete) {
      request.tag = decodeTag(buffer, start, end);
      if (request.statementRows === 0) request.rows += rowsOfTag(request.tag);
      request.statementRows = 0;
    }
    if (head.kind !== 'execute') return;
    this.#absorb(buffer, end, request);
    requests.settle(request, 'ok');
    expectations.shift();
  }

  #error(buffer: Buffer, start: number, end: number, head: Expected | undefined): void {
    const { downstream, expectations, requests } = this.#context;
    const denial = head?.denial ?? null;
    if (denial !== null && isProvoked(denial, buffer, start, end)) {
      this.#absorb(buffer, start);
      if (this.#muted === 0) {
        const ours = denialResponse(denial);
        downstream.insert(ours);
        requests.absorb(null, ours);
      }
      this.#bodyStart = end;
    } else {
      const error = decodeError(buffer, start, end);
      if (error.severity !== 'ERROR') {
        this.fatalSeen = true;
        downstream.forward(buffer, start, end);
      } else this.#pass(buffer, start, end);
      if (head !== undefined && head.request !== null) this.#failRequest(buffer, end, head, error);
    }
    const { copyIn } = expectations;
    expectations.endCopyIn();
    if (head !== undefined && isExtended(head)) expectations.failToSync();
    if (copyIn) this.#client.copyFailed();
  }

  #failRequest(
    buffer: Buffer,
    end: number,
    head: Expected,
    error: { readonly sqlState: string; readonly message: string },
  ): void {
    const request = head.request!;
    request.error = {
      sqlState: error.sqlState,
      message: liftedMessage(error.sqlState, error.message),
    };
    // Nothing more will run for it; the client may say goodbye before ReadyForQuery comes.
    this.#absorb(buffer, end, request);
    this.#context.requests.settle(request, statusOf(error.sqlState));
  }

  #ready(buffer: Buffer, end: number, head: Expected | undefined): void {
    const { expectations, requests } = this.#context;
    this.#client.transactionStatus = String.fromCharCode(buffer[end - 1]!);
    this.#context.pipelineOpen = false;
    if (head === undefined) return;
    const { request } = head;
    if (request !== null && !request.settled) {
      this.#absorb(buffer, end, request);
      requests.settle(request, 'ok');
    } else this.#absorb(buffer, end, null);
    if (this.#client.transactionStatus === 'I')
      requests.settleBefore(head.boundary, 'cancelled', 'bound, and not executed');
    if (head.kind === 'sync' || head.kind === 'query' || head.kind === 'call') expectations.shift();
    if (this.#client.transactionStatus === 'I') this.#client.transactionEnded();
  }

  #report(buffer: Buffer, start: number, end: number): void {
    const status = decodeParameterStatus(buffer, start, end);
    if (status === undefined) return;
    this.#context.settings.report(status.name, status.value);
    if (status.name === 'client_encoding' && !isAsciiSafe(status.value))
      this.#context.fail(
        postgresError('POSTGRES_STARTUP_REFUSED', {
          parameter: 'client_encoding',
          reason: `${status.value} is not ASCII-safe`,
        }),
        'protocol_error',
      );
  }

  /** Answers to the gateway's own questions. */
  #refresh(type: number, buffer: Buffer, start: number, end: number, head: Expected): void {
    const { settings, expectations } = this.#context;
    // Bytes before belong to the client, these do not.
    this.#absorb(buffer, start);
    this.#bodyStart = end;
    if (this.reader.first) this.#hiding = !this.reader.last;
    if (type === BACKEND.dataRow && this.reader.first && this.reader.last && !this.#hiding)
      settings.answer(decodeRow(buffer.subarray(start + 5, end))[0] ?? '');
    else if (type === BACKEND.closeComplete) {
      this.#closes += 1;
      if (this.#closes === SettingsTracker.CLOSES && !head.synced) this.#refreshed();
    } else if (type === BACKEND.readyForQuery) {
      this.#client.transactionStatus = String.fromCharCode(buffer[end - 1]!);
      this.#refreshed();
    } else if (type === BACKEND.errorResponse && !head.synced) {
      // In a pipeline of the client the error is the client's, too: its later messages are skipped.
      this.#closes = 0;
      this.#pass(buffer, start, end);
      expectations.failToSync();
    }
  }

  #refreshed(): void {
    this.#closes = 0;
    this.#context.expectations.shift();
  }
}

const OF_REFRESH = new Set<number>([
  BACKEND.parseComplete,
  BACKEND.bindComplete,
  BACKEND.dataRow,
  BACKEND.commandComplete,
  BACKEND.closeComplete,
  BACKEND.readyForQuery,
  BACKEND.errorResponse,
]);
const isOfRefresh = (type: number): boolean => OF_REFRESH.has(type);

/** Does an error of this message make the target skip to Sync? */
function isExtended(head: Expected): boolean {
  return head.kind !== 'query' && head.kind !== 'call' && head.kind !== 'sync';
}

const statusOf = (sqlState: string): 'cancelled' | 'error' => (sqlState === '57014' ? 'cancelled' : 'error');
