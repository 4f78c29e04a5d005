/** The analyser: shape cache in front, the parser on this thread for what is short, a thread of its own for what is long. */
import { holdsToken } from '../../../access/redact-tokens.ts';
import type { Clock } from '../../../../platform/clock/clock.ts';
import type { Analyser, SessionSettings, StatementAnalysis } from './analyser.ts';
import { ANALYSER_DEFAULTS, type AnalyserConfig } from './analyser-config.ts';
import { answerQuestions } from './asking-view.ts';
import { mayBeDeep } from './depth.ts';
import { createStaticResolver, type ObjectResolver } from './objects.ts';
import { withParameterTypes } from './parameter-types.ts';
import { loadParser } from './parser.ts';
import type { CatalogueView } from './effects.ts';
import { callOf } from './call-text.ts';
import { createParseThread, type AnswerQuestions } from './parse-thread.ts';
import { runAnalysis, type Run } from './run.ts';
import {
  bindingOf,
  cut,
  maySecret,
  opaqueAnalysis,
  withOtherValues,
  withoutCatalogue,
  withText,
} from './outcome.ts';
import { SECRET_WORDS, type Hmac } from './secrets.ts';
import { createNamesSession, createPreparedNames, type NamesSession, type PreparedNames } from './session.ts';
import { createSessionView } from './session-view.ts';
import { createShapeCache } from './shape-cache.ts';
import { shapeOf, type Shape } from './tokenizer.ts';

export interface AnalyserDeps {
  readonly clock: Clock;
  /** Keyed HMAC; secrets in command text are replaced by its first 12 hex digits. */
  readonly hmac: Hmac;
  /** Names to objects; by search_path alone where none is given. */
  readonly resolver?: ObjectResolver;
}

/** An analyser that owns a thread while it needs one. */
export interface OwnedAnalyser extends Analyser {
  close(): Promise<void>;
  readonly cache: { readonly shapes: number; readonly hits: number; readonly misses: number };
}

/** Bodies that name bodies that name bodies: each may be fetched. */
const ROUNDS_MAX = 64;

/** What an analysis was made under. */
interface Under {
  readonly key: string;
  readonly settings: SessionSettings;
  readonly view: CatalogueView | undefined;
}

/** Loads the parser (WebAssembly, once per process) and makes an analyser. Rejects only where the parser cannot be loaded. */
export async function createAnalyser(
  deps: AnalyserDeps,
  config: AnalyserConfig = ANALYSER_DEFAULTS,
): Promise<OwnedAnalyser> {
  await loadParser();
  const resolver = deps.resolver ?? createStaticResolver();
  const cache = createShapeCache(config);
  const thread = createParseThread(deps.clock, config);
  const counts = { hits: 0, misses: 0 };
  let resolverVersion = resolver.version;
  // Set when the parser failed on this thread: its memory is not to be trusted, the other thread can be started anew.
  let broken = false;

  function run(
    sql: string,
    settings: SessionSettings,
    prepared: PreparedNames,
    view: CatalogueView | undefined,
  ): Run | undefined {
    try {
      const named = view === undefined ? resolver : { version: resolver.version, ...view };
      return runAnalysis({ sql, settings, prepared, resolver: named, catalogue: view });
    } catch {
      return undefined;
    }
  }

  function keep(sql: string, shape: Shape, found: Run, under: Under): void {
    // A literal may be a secret by the name of the column beside it: such commands are looked at each time.
    if (!found.cacheable || SECRET_WORDS.test(sql) || sql.includes('://') || holdsToken(sql)) return;
    const binding = bindingOf(sql, shape, found);
    if (!holdsWithOtherValues(shape, binding, found, under)) return;
    Object.freeze(found.analysis.actions);
    for (const action of found.analysis.actions) Object.freeze(action);
    cache.keep(under.key, shape, binding, found.analysis);
  }

  /** Analyses the shape once more with other values in its free places: it must come out the same. */
  function holdsWithOtherValues(
    shape: Shape,
    binding: readonly number[],
    found: Run,
    { settings, view }: Under,
  ): boolean {
    const names = createPreparedNames({ namesMax: 0, statementsPerNameMax: 0 });
    const again = run(withOtherValues(shape, binding), settings, names, view);
    return again !== undefined && JSON.stringify(again.analysis) === JSON.stringify(found.analysis);
  }

  function noteBroken(found: Run | undefined): void {
    if (found === undefined || found.broken) broken = found?.broken ?? broken;
  }

  function analyseDirectly(
    sql: string,
    settings: SessionSettings,
    session: NamesSession,
    shape: Shape | undefined,
  ): StatementAnalysis {
    const found = run(sql, settings, session, undefined);
    noteBroken(found);
    const result = withText(sql, found, deps.hmac);
    if (shape !== undefined && found !== undefined && !result.secretsLifted)
      keep(sql, shape, found, { key: session.keyFor(settings), settings, view: undefined });
    return result;
  }

  /** The same with the catalogue: what it lacks is fetched, and looked at again. */
  function analyseNamed(
    sql: string,
    settings: SessionSettings,
    session: NamesSession,
    shape: Shape | undefined,
    rounds = 0,
    rechecked = false,
  ): StatementAnalysis | Promise<StatementAnalysis> {
    const { source, userKnown } = session.catalogue!;
    const attempt = source.attempt();
    const seen = createSessionView(attempt.view, session.made, userKnown);
    const found = run(sql, settings, session, seen.view);
    noteBroken(found);
    const again = (asked = rechecked): StatementAnalysis | Promise<StatementAnalysis> =>
      analyseNamed(sql, settings, session, shape, rounds + 1, asked);
    if (attempt.missing && rounds > ROUNDS_MAX) return away(sql, settings, session);
    if (attempt.missing)
      return attempt.fetch().then((come) => (come ? again() : away(sql, settings, session)));
    if (seen.unknown && !rechecked) return source.recheck().then(() => again(true));
    const result = withText(sql, found, deps.hmac);
    if (shape !== undefined && found !== undefined && !result.secretsLifted && !seen.unknown) {
      keep(sql, shape, found, { key: session.keyFor(settings), settings, view: seen.view });
    }
    session.remember(result.made ?? []);
    return result;
  }

  function away(sql: string, settings: SessionSettings, session: NamesSession): StatementAnalysis {
    const found = run(sql, settings, session, undefined);
    return withoutCatalogue(withText(sql, found, deps.hmac), session);
  }

  const answersOf =
    (session: NamesSession): AnswerQuestions =>
    async (questions) => {
      const { source, userKnown } = session.catalogue!;
      for (let rounds = 0; rounds <= ROUNDS_MAX; rounds++) {
        const attempt = source.attempt();
        const seen = createSessionView(attempt.view, session.made, userKnown);
        const answers = answerQuestions(seen.view, questions);
        if (attempt.missing) {
          if (!(await attempt.fetch())) return undefined;
        } else if (seen.unknown && rounds === 0) await source.recheck();
        else return answers;
      }
      return undefined;
    };

  function analyseCold(
    sql: string,
    settings: SessionSettings,
    session: NamesSession,
    shape: Shape | undefined,
  ): StatementAnalysis | Promise<StatementAnalysis> {
    const { catalogue } = session;
    if (sql.length <= config.directLengthMax && !broken && !mayBeDeep(sql, config.directDepthMax))
      return catalogue === undefined
        ? analyseDirectly(sql, settings, session, shape)
        : analyseNamed(sql, settings, session, shape);
    const answers = catalogue === undefined ? undefined : answersOf(session);
    return thread.analyse(sql, settings, answers).then((found) => {
      const result = withText(sql, found, deps.hmac);
      session.remember(result.made ?? []);
      return result;
    });
  }

  function analyseNow(
    sql: string,
    settings: SessionSettings,
    session: NamesSession,
  ): StatementAnalysis | Promise<StatementAnalysis> {
    const shape = sql.length <= config.cachedLengthMax ? shapeOf(sql) : undefined;
    if (shape !== undefined) {
      const known = cache.find(session.keyFor(settings), shape);
      if (known !== undefined && !shape.literals.some(maySecret)) {
        counts.hits += 1;
        if (known.made !== undefined) session.remember(known.made);
        return { ...known, text: sql, secretsLifted: false };
      }
    }
    counts.misses += 1;
    return analyseCold(sql, settings, session, shape);
  }

  function analyseAny(
    sql: string,
    settings: SessionSettings,
    session: NamesSession,
  ): StatementAnalysis | Promise<StatementAnalysis> {
    if (resolverVersion !== resolver.version) {
      cache.clear();
      resolverVersion = resolver.version;
    }
    if (sql.length > config.lengthMax) return { ...opaqueAnalysis('too long'), ...cut(sql, deps.hmac) };
    const { catalogue } = session;
    if (catalogue === undefined || catalogue.source.isFresh()) return analyseNow(sql, settings, session);
    return catalogue.source
      .refresh()
      .then((come) => (come ? analyseNow(sql, settings, session) : away(sql, settings, session)));
  }

  const analyser: OwnedAnalyser = {
    get cache() {
      return { shapes: cache.size, ...counts };
    },
    analyse(sql, settings, session, parameterTypes = []) {
      const names = session as NamesSession;
      const found = analyseAny(sql, settings, names);
      const source = names.catalogue?.source;
      if (parameterTypes.length === 0 || source === undefined) return found;
      return Promise.resolve(found).then((one) => withParameterTypes(one, source, parameterTypes));
    },
    async analyseCall(oid, settings, session) {
      const said = `function call, object id ${oid}`;
      const called = await (session as NamesSession).catalogue?.source.functionById(oid);
      return called === undefined
        ? { ...opaqueAnalysis(said), text: said, secretsLifted: false }
        : analyser.analyse(`${callOf(called)} /* ${said} */`, settings, session);
    },
    createSession: (catalogue) =>
      createNamesSession({ namesMax: config.preparedNamesMax, statementsPerNameMax: 16 }, catalogue),
    close: () => thread.close(),
  };
  return analyser;
}
