/**
 * The extended protocol's messages. The gate stands before Bind: planning, which Bind does, may already run functions. A Bind and
 * the first Execute of its portal are one request; each further Execute of the portal is one more.
 */
import type { StatementAnalysis } from '../analysis/analyser.ts';
import {
  decodeBind,
  decodeExecute,
  decodeNamed,
  decodeParse,
  type BindMessage,
  type ParseMessage,
} from '../wire/decode.ts';
import { FLUSH, parse as buildParse } from '../wire/messages.ts';
import { eitherAnalysis, mayPrepare, mayReadCopy, quoteIdentifier } from './analyse.ts';
import type { RelayContext } from './context.ts';
import { deniedParse } from './denial.ts';
import { expected, type Denial } from './expectations.ts';
import { judge, type Ruling } from './gatekeeper.ts';
import { Names, NAMES_MAX, type Portal, type PreparedStatement } from './registry.ts';
import type { RunningRequest } from './requests.ts';
import type { Turn } from './turn.ts';

/** What the client's side does beyond one message. */
export interface Pipeline {
  /** The target will skip to Sync. */
  skipToSync(): void;
  /** A statement that may change settings is on its way, without a Sync. */
  settingsTouched(): void;
}

export class ExtendedQuery {
  readonly #context: RelayContext;
  readonly #turn: Turn;
  readonly #pipeline: Pipeline;
  readonly #statements = new Names<PreparedStatement>();
  #portals = new Names<Portal>();
  /** Parsed, and not bound so far: what such a statement tells of the target's objects is told without a request of its own. */
  readonly #unbound = new Set<PreparedStatement>();
  /** Number of Syncs sent. */
  segment = 0;

  constructor(context: RelayContext, turn: Turn, pipeline: Pipeline) {
    this.#context = context;
    this.#turn = turn;
    this.#pipeline = pipeline;
  }

  /** An SQL-level PREPARE is on its way: names may stand for something else from now on. */
  taint(): void {
    for (const statement of this.#statements.values()) statement.tainted = true;
  }

  clearPortals(): void {
    if (this.#portals.size > 0) this.#portals = new Names();
  }

  parse(buffer: Buffer, start: number, end: number): void {
    const { settings, analyser, analyserSession } = this.#context;
    const message = decodeParse(buffer, start, end, settings.encoding);
    if (message === undefined || this.#statements.size >= NAMES_MAX) {
      this.#turn.violation(message === undefined ? 'a malformed Parse' : 'too many prepared statements');
      return;
    }
    const { sql, types } = message;
    const settingsVersion = settings.version;
    this.#turn.later(analyser.analyse(sql, settings.current, analyserSession, types), (analysis) => {
      if (analysis.forcedDenial !== null) {
        this.#judge('parse', analysis, null, (ruling) => this.#refuseParse(ruling));
        return;
      }
      if (analysis.atParse !== true) {
        this.#parsed(message, analysis, settingsVersion, null, buffer, start, end);
        return;
      }
      this.#judge('parse', analysis, null, (ruling) => {
        if (ruling.allowed)
          this.#parsed(message, analysis, settingsVersion, ruling.request, buffer, start, end);
        else this.#deny(ruling.denial);
      });
    });
  }

  /** `request`: where the Parse alone may run something, and was decided. */
  #parsed(
    { name, sql, types }: ParseMessage,
    analysis: StatementAnalysis,
    settingsVersion: number,
    request: RunningRequest | null,
    buffer: Buffer,
    start: number,
    end: number,
  ): void {
    const { analyserSession, upstream, expectations, requests } = this.#context;
    const entry: PreparedStatement = {
      sql,
      types,
      analysis,
      settingsVersion,
      names: analyserSession.state,
      confirmed: false,
      segment: this.segment,
      mayReadCopy: mayReadCopy(sql),
      tainted: false,
    };
    const undo = this.#statements.replace(name, entry);
    if (request === null) this.#unbound.add(entry);
    upstream.forward(buffer, start, end);
    this.#record(
      request?.id ?? null,
      analysis.secretsLifted ? buildParse(name, analysis.text) : buffer.subarray(start, end),
    );
    expectations.push(
      expected('parse', {
        undo,
        request,
        confirm: () => {
          entry.confirmed = true;
        },
        done: request === null ? null : () => requests.settle(request, 'ok'),
      }),
    );
  }

  bind(buffer: Buffer, start: number, end: number): void {
    const message = decodeBind(buffer, start, end);
    if (message === undefined || this.#portals.size >= NAMES_MAX) {
      this.#turn.violation(message === undefined ? 'a malformed Bind' : 'too many portals');
      return;
    }
    const entry = this.#statements.get(message.statement);
    // A name is trusted in its own pipeline (where its failure takes this Bind along) or when the target has confirmed it.
    if (entry !== undefined && (entry.confirmed || entry.segment === this.segment))
      this.#bindTo(entry, message, buffer, start, end);
    else
      this.#turn.waitForAnswers(() =>
        this.#bindTo(this.#statements.get(message.statement), message, buffer, start, end),
      );
  }

  #bindTo(
    entry: PreparedStatement | undefined,
    message: BindMessage,
    buffer: Buffer,
    start: number,
    end: number,
  ): void {
    this.#turn.later(this.#analysisOf(entry, message.statement), (analysis) => {
      const digest =
        message.parameterCount === 0
          ? null
          : this.#context.hmac(buffer.subarray(message.parametersStart, message.parametersEnd));
      const portal: Portal = {
        analysis,
        mayReadCopy: entry?.mayReadCopy ?? true,
        request: null,
        parameterCount: message.parameterCount,
        parametersDigest: digest,
      };
      if (entry !== undefined) {
        this.#unbound.delete(entry);
        this.#context.stated.take(entry.sql);
      }
      this.#judge('execute', analysis, portal, (ruling) => {
        if (!ruling.allowed) {
          this.#deny(ruling.denial);
          return;
        }
        portal.request = ruling.request;
        if (entry !== undefined && mayPrepare(entry.sql)) this.taint();
        this.#context.upstream.forward(buffer, start, end);
        // Values bound to a statement that holds secrets may be secrets: their digest is in the event.
        if (!analysis.secretsLifted) this.#record(ruling.request.id, buffer.subarray(start, end));
        const undo = this.#portals.replace(message.portal, portal);
        // An error while planning is the request's; so Bind carries it, too.
        this.#context.expectations.push(expected('bind', { undo, request: ruling.request }));
      });
    });
  }

  /** What the statement does under the settings of now. */
  #analysisOf(
    entry: PreparedStatement | undefined,
    name: string,
  ): StatementAnalysis | Promise<StatementAnalysis> {
    const { settings, analyser, analyserSession } = this.#context;
    const byName = (): StatementAnalysis | Promise<StatementAnalysis> =>
      analyser.analyse(`EXECUTE ${quoteIdentifier(name)}`, settings.current, analyserSession);
    if (entry === undefined) return byName();
    const fresh =
      entry.settingsVersion === settings.version && entry.names === analyserSession.state
        ? entry.analysis
        : analyser.analyse(entry.sql, settings.current, analyserSession, entry.types);
    if (fresh === entry.analysis && !entry.tainted) return fresh;
    const version = settings.version;
    const keep = (analysis: StatementAnalysis): StatementAnalysis => {
      entry.analysis = analysis;
      entry.settingsVersion = version;
      entry.names = analyserSession.state;
      return analysis;
    };
    if (!entry.tainted) return fresh instanceof Promise ? fresh.then(keep) : keep(fresh);
    return Promise.all([fresh, byName()]).then(([one, other]) => eitherAnalysis(keep(one), other));
  }

  /**
   * The answers so far are about to be seen: each statement that was only parsed (and described) is a request, which does nothing.
   * Goes on behind them.
   */
  reportUnbound(proceed: () => void): void {
    if (this.#unbound.size === 0) {
      proceed();
      return;
    }
    const [entry] = this.#unbound;
    this.#unbound.delete(entry!);
    this.#judge('parse', { ...entry!.analysis, actions: [], risk: 'none' }, null, (ruling) => {
      if (!ruling.allowed) {
        this.#unbound.clear();
        this.#deny(ruling.denial);
        proceed();
        return;
      }
      const { requests, expectations } = this.#context;
      const done = (): void => requests.settle(ruling.request, entry!.confirmed ? 'ok' : 'error');
      expectations.push(expected('marker', { done }));
      this.reportUnbound(proceed);
    });
  }

  execute(buffer: Buffer, start: number, end: number): void {
    const name = decodeExecute(buffer, start, end);
    if (name === undefined) {
      this.#turn.violation('a malformed Execute');
      return;
    }
    const portal = this.#portals.get(name);
    if (portal === undefined) {
      this.#executeCursor(name, buffer, start, end);
      return;
    }
    const first = portal.request;
    if (first !== null && !first.settled) {
      portal.request = null;
      this.#run(first, portal, buffer, start, end);
      return;
    }
    this.#judge('execute', portal.analysis, portal, (ruling) => {
      if (ruling.allowed) this.#run(ruling.request, portal, buffer, start, end);
      else this.#deny(ruling.denial);
    });
  }

  /** A portal that no Bind made: a cursor of an SQL DECLARE. */
  #executeCursor(name: string, buffer: Buffer, start: number, end: number): void {
    const { settings, analyser, analyserSession } = this.#context;
    const sql = `FETCH ALL FROM ${quoteIdentifier(name)}`;
    this.#turn.later(analyser.analyse(sql, settings.current, analyserSession), (analysis) =>
      this.#judge('execute', analysis, null, (ruling) => {
        if (ruling.allowed) this.#run(ruling.request, { analysis, mayReadCopy: false }, buffer, start, end);
        else this.#deny(ruling.denial);
      }),
    );
  }

  #run(
    request: RunningRequest,
    { analysis, mayReadCopy: mayRead }: Pick<Portal, 'analysis' | 'mayReadCopy'>,
    buffer: Buffer,
    start: number,
    end: number,
  ): void {
    request.startedUs = this.#context.clock.monotonicUs();
    this.#context.upstream.forward(buffer, start, end);
    if (mayRead) this.#context.upstream.insert(FLUSH);
    const done = mayRead ? this.#turn.untilCopyIsKnown() : null;
    this.#context.expectations.push(expected('execute', { request, done }));
    if (analysis.changesSessionState) this.#pipeline.settingsTouched();
    if (analysis.changesCatalogue) this.#context.analyserSession.catalogueTouched();
  }

  close(buffer: Buffer, start: number, end: number): void {
    const message = decodeNamed(buffer, start, end);
    if (message === undefined) {
      this.#turn.violation('a malformed Close');
      return;
    }
    const undo =
      message.kind === 'S'
        ? this.#statements.replace(message.name, undefined)
        : this.#portals.replace(message.name, undefined);
    this.#context.upstream.forward(buffer, start, end);
    this.#context.expectations.push(expected('close', { undo }));
  }

  #judge(
    verb: 'parse' | 'execute',
    analysis: StatementAnalysis,
    portal: Portal | null,
    proceed: (ruling: Ruling) => void,
  ): void {
    const command = {
      verb,
      analysis,
      textBytes: null,
      parameterCount: portal?.parameterCount ?? 0,
      parametersDigest: portal?.parametersDigest ?? null,
    };
    this.#turn.later(judge(this.#context, command), (ruling) => {
      if (ruling !== undefined && !this.#context.isOver()) proceed(ruling);
    });
  }

  #refuseParse(ruling: Ruling): void {
    if (!ruling.allowed) {
      this.#deny(ruling.denial);
      return;
    }
    // The gate must deny what the protocol forbids; if it does not, nothing goes on.
    this.#context.requests.settle(ruling.request, 'denied');
    this.#turn.violation('a statement that may not run was let through');
  }

  #deny(denial: Denial): void {
    this.#context.upstream.insert(deniedParse(denial));
    this.#context.expectations.push(expected('parse', { denial }));
    this.#pipeline.skipToSync();
  }

  #record(requestId: string | null, bytes: Buffer): void {
    this.#context.requests.recordIn(requestId, bytes);
  }
}
