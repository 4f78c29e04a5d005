/** Client to target: cuts the client's bytes into messages, gates what runs something, passes on the rest as it came. */
import type { StatementAnalysis } from '../analysis/analyser.ts';
import { postgresError } from '../errors.ts';
import { decodeFunctionCall, decodeNamed, decodeQuery } from '../wire/decode.ts';
import type { ResolvedOptions } from '../options.ts';
import { FrameReader, type FrameRules } from '../wire/frame-reader.ts';
import { FRONTEND } from '../wire/message-types.ts';
import { query, SYNC } from '../wire/messages.ts';
import { mayPrepare, mayReadCopy, mayRollBack } from './analyse.ts';
import type { RelayContext } from './context.ts';
import { askedForNames, deniedQuery, mayAskForNames } from './denial.ts';
import { expected, type Expected } from './expectations.ts';
import { ExtendedQuery, type Pipeline } from './extended-query.ts';
import { judge, type Ruling } from './gatekeeper.ts';
import { protocolViolation, Turn } from './turn.ts';

/** As PostgreSQL has them (PQ_SMALL_MESSAGE_LIMIT, PQ_LARGE_MESSAGE_LIMIT). */
const SMALL_BYTES_MAX = 10_000;
const COPY_BYTES_MAX = 0x3fff_ffff;
const REPLACEMENT = '\uFFFD';

/** A Query as it came, and its text. */
interface QueryMessage {
  readonly sql: string;
  readonly buffer: Buffer;
  readonly start: number;
  readonly end: number;
}

const knownRules = new WeakMap<ResolvedOptions, FrameRules>();

/** One for all sessions of a connection. */
function frameRules(options: ResolvedOptions): FrameRules {
  const known = knownRules.get(options);
  if (known !== undefined) return known;
  const { queryBytesMax, messageBytesMax } = options;
  const limits = new Uint32Array(256);
  for (const type of Object.values(FRONTEND)) limits[type] = SMALL_BYTES_MAX;
  limits[FRONTEND.password] = 0;
  limits[FRONTEND.query] = queryBytesMax;
  limits[FRONTEND.parse] = queryBytesMax;
  limits[FRONTEND.bind] = messageBytesMax;
  limits[FRONTEND.functionCall] = messageBytesMax;
  limits[FRONTEND.copyData] = COPY_BYTES_MAX;
  const rules: FrameRules = {
    lengthMax: (type) => limits[type]!,
    streamed: (type) => type === FRONTEND.copyData,
  };
  knownRules.set(options, rules);
  return rules;
}

export class Upstream implements Pipeline {
  readonly #context: RelayContext;
  readonly #extended: ExtendedQuery;
  readonly reader: FrameReader;
  readonly turn: Turn;
  #pumping = false;
  /** A Sync came while the target was believed to read COPY data, which takes no notice of it. */
  #syncWithheld = false;
  /** The client said goodbye. */
  terminated = false;
  /** After a denial in the extended protocol the target skips to Sync; so do we, and send it nothing that is not judged. */
  #skipping = false;
  /** A statement that may change settings was executed and no Sync has come. */
  #mustAsk = false;

  constructor(context: RelayContext) {
    this.#context = context;
    this.turn = new Turn(context, () => this.pump());
    this.#extended = new ExtendedQuery(context, this.turn, this);
    this.reader = new FrameReader(frameRules(context.options));
  }

  push(chunk: Buffer): void {
    this.reader.push(chunk);
    this.pump();
  }

  /** Handles messages until they run out or one must wait. */
  pump(): void {
    // An answer may come while a message is handled (skipped by the target): the loop below goes on by itself.
    if (this.#pumping) return;
    const { reader } = this;
    const { requests } = this.#context;
    this.#pumping = true;
    requests.defer();
    while (!this.held && !this.#context.isOver() && reader.next()) this.#handle();
    this.#pumping = false;
    if (this.#context.isOver()) return;
    this.#context.send(this.#context.upstream);
    const { error } = reader;
    if (error !== undefined)
      this.#context.fail(
        error.kind === 'too-long'
          ? postgresError('POSTGRES_MESSAGE_TOO_LARGE', { bytes: error.bytes, bytesMax: error.bytesMax })
          : protocolViolation(`message ${JSON.stringify(String.fromCharCode(error.type))}: ${error.kind}`),
        'protocol_error',
      );
  }

  /** Messages wait: for a decision, an analysis, or the target's answer. */
  get held(): boolean {
    return this.turn.held || this.turn.blocked;
  }

  /** The target will skip to Sync. */
  skipToSync(): void {
    this.#skipping = true;
  }

  /** A statement that may change settings is on its way, without a Sync. */
  settingsTouched(): void {
    this.#context.settings.dirty = true;
    this.#mustAsk = true;
  }

  /** The target is idle outside a transaction: there are no portals. */
  transactionEnded(): void {
    this.#context.analyserSession.transactionEnded();
    if (!this.held && this.#context.expectations.size === 0) this.#extended.clearPortals();
  }

  #handle(): void {
    const { reader } = this;
    const { type } = reader;
    if (this.#skipping && type !== FRONTEND.sync && type !== FRONTEND.terminate) return;
    if (
      this.#mustAsk &&
      type !== FRONTEND.sync &&
      type !== FRONTEND.flush &&
      type !== FRONTEND.terminate &&
      !isCopy(type)
    ) {
      const { buffer, start, end } = reader;
      this.#mustAsk = false;
      this.#askSettings(false, () => this.#dispatch(type, buffer, start, end));
      return;
    }
    this.#dispatch(type, reader.buffer, reader.start, reader.end);
  }

  #dispatch(type: number, buffer: Buffer, start: number, end: number): void {
    const { upstream, expectations } = this.#context;
    switch (type) {
      case FRONTEND.query:
        this.#query(buffer, start, end);
        return;
      case FRONTEND.parse:
        this.#extended.parse(buffer, start, end);
        return;
      case FRONTEND.bind:
        this.#extended.bind(buffer, start, end);
        return;
      case FRONTEND.execute:
        this.#extended.execute(buffer, start, end);
        return;
      case FRONTEND.close:
        this.#extended.close(buffer, start, end);
        return;
      case FRONTEND.describe:
        if (decodeNamed(buffer, start, end) === undefined) this.turn.violation('a malformed Describe');
        else {
          upstream.forward(buffer, start, end);
          expectations.push(expected('describe'));
        }
        return;
      case FRONTEND.sync:
        this.#extended.reportUnbound(() => this.#sync(buffer, start, end));
        return;
      case FRONTEND.functionCall:
        this.#functionCall(buffer, start, end);
        return;
      case FRONTEND.terminate:
        this.#extended.reportUnbound(() => {
          this.terminated = true;
          upstream.forward(buffer, start, end);
        });
        return;
      case FRONTEND.flush:
        this.#extended.reportUnbound(() => upstream.forward(buffer, start, end));
        return;
      default:
        this.#passOn(type, buffer, start, end);
    }
  }

  /** COPY data and its end. */
  #passOn(type: number, buffer: Buffer, start: number, end: number): void {
    const { upstream, expectations, requests } = this.#context;
    upstream.forward(buffer, start, end);
    if (type !== FRONTEND.copyData) this.#syncWithheld = false;
    const request = expectations.current()?.id ?? null;
    requests.recordIn(request, buffer.subarray(start, end));
    if (type !== FRONTEND.copyData) expectations.endCopyIn();
  }

  /**
   * The COPY failed. The target may have done so before it read a Sync that came then, and would have answered that one: which
   * of both only the target knows, and an answer that nobody expects would be taken for that of a later message. So such a Sync
   * waits here until it is certain.
   */
  copyFailed(): void {
    if (!this.#syncWithheld) return;
    this.#syncWithheld = false;
    this.#sync(SYNC, 0, SYNC.length);
    this.#context.send(this.#context.upstream);
  }

  #sync(buffer: Buffer, start: number, end: number): void {
    if (this.#context.expectations.copyIn) {
      this.#syncWithheld = true;
      return;
    }
    this.#skipping = false;
    this.#mustAsk = false;
    this.#extended.segment += 1;
    this.#context.upstream.forward(buffer, start, end);
    this.#synced(expected('sync', { boundary: this.#context.requests.nextOrder }), true);
  }

  /** Puts what ends with ReadyForQuery into the queue, and waits for it where settings may have changed. */
  #synced(item: Expected, refresh: boolean): void {
    const { settings, expectations } = this.#context;
    if (!settings.dirty || expectations.copyIn) {
      expectations.push(item);
      return;
    }
    const { done: before } = item;
    this.turn.waitFor(
      () => this.#afterReady(refresh),
      (done) =>
        expectations.push({
          ...item,
          done() {
            before?.();
            done();
          },
        }),
    );
  }

  /** Status of the transaction at the last ReadyForQuery. */
  transactionStatus = 'I';

  #afterReady(refresh: boolean): void {
    const { settings } = this.#context;
    if (this.transactionStatus === 'E') settings.forget();
    else if (refresh || this.transactionStatus === 'I')
      this.#askSettings(true, () => {
        if (this.transactionStatus === 'I') settings.dirty = false;
      });
  }

  #askSettings(synced: boolean, proceed: () => void): void {
    const { settings, expectations, upstream } = this.#context;
    this.turn.waitFor(proceed, (done) => {
      upstream.insert(settings.ask(synced));
      expectations.push(
        expected('refresh', {
          synced,
          undo: () => settings.forget(),
          confirm: () => settings.takeAnswers(),
          done,
        }),
      );
    });
    // From within an answer of the target nobody else sends it.
    this.#context.send(upstream);
  }

  #query(buffer: Buffer, start: number, end: number): void {
    const { settings, analyser, analyserSession } = this.#context;
    const sql = decodeQuery(buffer, start, end, settings.encoding);
    if (sql === undefined) {
      this.turn.violation('a malformed Query');
      return;
    }
    this.#context.stated.take(sql);
    const message: QueryMessage = { sql, buffer, start, end };
    const found = analyser.analyse(sql, settings.current, analyserSession);
    if (found instanceof Promise) this.turn.later(found, (analysis) => this.#analysed(message, analysis));
    else this.#analysed(message, found);
  }

  #analysed(message: QueryMessage, analysis: StatementAnalysis): void {
    const { sql, buffer, start, end } = message;
    const judged = judge(this.#context, {
      verb: 'query',
      analysis,
      textBytes: sql.includes(REPLACEMENT) ? buffer.subarray(start + 5, end - 1) : null,
      parameterCount: 0,
      parametersDigest: null,
    });
    if (judged instanceof Promise)
      this.turn.later(judged, (ruling) => this.#ruled(message, analysis, ruling));
    else this.#ruled(message, analysis, judged);
  }

  #ruled(message: QueryMessage, analysis: StatementAnalysis, ruling: Ruling | undefined): void {
    if (ruling === undefined || this.#context.isOver()) return;
    const { sql, buffer, start, end } = message;
    const boundary = this.#context.requests.nextOrder;
    if (!ruling.allowed) {
      const { denial } = ruling;
      const asked =
        analysis.unknownName === true &&
        analysis.atParse !== true &&
        mayAskForNames(denial) &&
        this.#context.expectations.unskipped;
      const text = buffer.subarray(start + 5, end);
      this.#context.upstream.insert(asked ? askedForNames(denial, text) : deniedQuery(denial));
      this.#synced(expected('query', { denial, boundary }), false);
      return;
    }
    this.#context.upstream.forward(buffer, start, end);
    this.#record(ruling.request.id, analysis, buffer, start, end);
    if (mayPrepare(sql)) this.#extended.taint();
    if (analysis.changesSessionState) this.#context.settings.dirty = true;
    if (analysis.changesCatalogue) this.#context.analyserSession.catalogueTouched();
    const done = mayReadCopy(sql) ? this.turn.untilCopyIsKnown() : null;
    this.#synced(
      expected('query', { request: ruling.request, boundary, done }),
      analysis.changesSessionState || mayRollBack(sql),
    );
  }

  #record(requestId: string, analysis: StatementAnalysis, buffer: Buffer, start: number, end: number): void {
    const bytes = analysis.secretsLifted ? query(analysis.text) : buffer.subarray(start, end);
    this.#context.requests.recordIn(requestId, bytes);
  }

  /** FunctionCall runs a function by its object id: decided as a call of it, opaque where nobody knows which it is. */
  #functionCall(buffer: Buffer, start: number, end: number): void {
    const oid = decodeFunctionCall(buffer, start, end);
    if (oid === undefined) {
      this.turn.violation('a malformed FunctionCall');
      return;
    }
    const { analyser, analyserSession, settings } = this.#context;
    this.turn.later(analyser.analyseCall(oid, settings.current, analyserSession), (analysis) =>
      this.#callAnalysed(analysis, buffer, start, end),
    );
  }

  #callAnalysed(analysis: StatementAnalysis, buffer: Buffer, start: number, end: number): void {
    this.turn.later(
      judge(this.#context, {
        verb: 'function_call',
        analysis,
        textBytes: null,
        parameterCount: 0,
        parametersDigest: this.#context.hmac(buffer.subarray(start + 9, end)),
      }),
      (ruling) => {
        if (ruling === undefined || this.#context.isOver()) return;
        const boundary = this.#context.requests.nextOrder;
        if (ruling.allowed) this.#context.upstream.forward(buffer, start, end);
        else this.#context.upstream.insert(deniedQuery(ruling.denial));
        if (ruling.allowed) {
          this.#context.settings.dirty = true;
          this.#context.analyserSession.catalogueTouched();
        }
        this.#synced(
          ruling.allowed
            ? expected('call', { request: ruling.request, boundary })
            : expected('query', { denial: ruling.denial, boundary }),
          ruling.allowed,
        );
      },
    );
  }
}

function isCopy(type: number): boolean {
  return type === FRONTEND.copyData || type === FRONTEND.copyDone || type === FRONTEND.copyFail;
}
