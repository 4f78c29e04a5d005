/** The analyser: shape cache in front, the parser on this thread for what is short, a thread of its own for what is long. */
import { holdsToken, redactTokens } from '../../../access/redact-tokens.ts';
import type { Clock } from '../../../../platform/clock/clock.ts';
import type { Analyser, AnalyserSession, SessionSettings, StatementAnalysis } from './analyser.ts';
import { mayBeDeep } from './depth.ts';
import { createStaticResolver, type ObjectResolver } from './objects.ts';
import { loadParser } from './parser.ts';
import { createParseThread } from './parse-thread.ts';
import { runAnalysis, type Run } from './run.ts';
import { liftPiece, liftSecrets, liftUnparsed, SECRET_WORDS, type Hmac } from './secrets.ts';
import { createPreparedNames, type PreparedNames } from './session.ts';
import { createShapeCache, type CachedAnalysis } from './shape-cache.ts';
import { shapeOf, type Shape } from './tokenizer.ts';

export interface AnalyserDeps {
  readonly clock: Clock;
  /** Keyed HMAC; secrets in command text are replaced by its first 12 hex digits. */
  readonly hmac: Hmac;
  /** Names to objects; by search_path alone where none is given. */
  readonly resolver?: ObjectResolver;
}

export interface AnalyserConfig {
  /** Longer commands are analysed on a thread of its own, UTF-16 units. */
  readonly directLengthMax: number;
  /** Commands whose tree might be deeper go to that thread, too. */
  readonly directDepthMax: number;
  /** Longer commands are opaque without a look, UTF-16 units. */
  readonly lengthMax: number;
  readonly deadlineMs: number;
  /** Long commands that may wait for the thread; more are opaque. */
  readonly waitingMax: number;
  readonly heapMiBMax: number;
  /** Commands up to this length are kept by shape, UTF-16 units. */
  readonly cachedLengthMax: number;
  readonly shapesMax: number;
  readonly variantsPerShapeMax: number;
  /** SQL-level prepared statements remembered per session. */
  readonly preparedNamesMax: number;
}

export const ANALYSER_DEFAULTS: AnalyserConfig = {
  directLengthMax: 16 * 1024,
  directDepthMax: 1000,
  lengthMax: 16 * 1024 * 1024,
  deadlineMs: 2000,
  waitingMax: 64,
  heapMiBMax: 256,
  cachedLengthMax: 8 * 1024,
  shapesMax: 10_000,
  variantsPerShapeMax: 64,
  preparedNamesMax: 1000,
};

/** An analyser that owns a thread while it needs one. */
export interface OwnedAnalyser extends Analyser {
  close(): Promise<void>;
  readonly cache: { readonly shapes: number; readonly hits: number; readonly misses: number };
}

function opaqueAnalysis(object: string): CachedAnalysis {
  return {
    statements: 1,
    actions: [{ action: 'opaque_code', objectKind: 'statement', object, columns: [], whole: false }],
    risk: 'high',
    fingerprint: null,
    forcedDenial: null,
    changesSessionState: true,
  };
}

function settingsKey(settings: SessionSettings): string {
  return `${settings.searchPath ?? '\u0003'}\u0004${settings.role ?? '\u0003'}\u0004${settings.standardConformingStrings ? 1 : 0}${settings.clientEncoding}\u0004`;
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

  function run(sql: string, settings: SessionSettings, prepared: PreparedNames): Run | undefined {
    try {
      return runAnalysis({ sql, settings, prepared, resolver });
    } catch {
      return undefined;
    }
  }

  function withText(sql: string, found: Run | undefined): StatementAnalysis {
    const parsed = found?.parsed ?? false;
    const pieces = parsed ? liftSecrets(sql, found?.secrets ?? [], deps.hmac) : liftUnparsed(sql, deps.hmac);
    const text = redactTokens(pieces.text);
    const lifted = pieces.lifted || text !== pieces.text;
    const analysis = found?.analysis ?? opaqueAnalysis('cannot be analysed');
    if (!lifted) return { ...analysis, text, secretsLifted: false };
    // Objects that are text of the command themselves (programs, files) show what the text showed.
    const actions = analysis.actions.map((one) => ({
      ...one,
      columns: one.columns.map(redactTokens),
      object: one.object === null ? null : redactTokens(liftPiece(one.object, deps.hmac)),
    }));
    return { ...analysis, actions, text, secretsLifted: true };
  }

  function keep(sql: string, shape: Shape, settings: SessionSettings, found: Run): void {
    // A literal may be a secret by the name of the column beside it: such commands are looked at each time.
    if (!found.cacheable || SECRET_WORDS.test(sql) || sql.includes('://') || holdsToken(sql)) return;
    const binding = bindingOf(sql, shape, found);
    if (!holdsWithOtherValues(shape, binding, settings, found)) return;
    Object.freeze(found.analysis.actions);
    for (const action of found.analysis.actions) Object.freeze(action);
    cache.keep(settingsKey(settings), shape, binding, found.analysis);
  }

  /** Analyses the shape once more with other values in its free places: it must come out the same. */
  function holdsWithOtherValues(
    shape: Shape,
    binding: readonly number[],
    settings: SessionSettings,
    found: Run,
  ): boolean {
    const pieces = shape.key.replaceAll('\u0002', '\u0001').replaceAll('\u0005', '\u0001').split('\u0001');
    let sql = pieces[0]!;
    shape.literals.forEach((literal, index) => {
      const number = literal.includes('.') || literal.length > 9 ? '4711.5' : '4711';
      const other = literal.startsWith("'") ? "'other value'" : number;
      sql += (binding.includes(index) ? literal : other) + pieces[index + 1]!;
    });
    const again = run(sql, settings, createPreparedNames({ namesMax: 0, statementsPerNameMax: 0 }));
    return again !== undefined && JSON.stringify(again.analysis) === JSON.stringify(found.analysis);
  }

  function analyseDirectly(
    sql: string,
    settings: SessionSettings,
    prepared: PreparedNames,
    shape: Shape | undefined,
  ): StatementAnalysis {
    const found = run(sql, settings, prepared);
    if (found === undefined || found.broken) broken = found?.broken ?? broken;
    const result = withText(sql, found);
    if (shape !== undefined && found !== undefined && !result.secretsLifted)
      keep(sql, shape, settings, found);
    return result;
  }

  return {
    get cache() {
      return { shapes: cache.size, ...counts };
    },
    analyse(sql, settings, session) {
      if (resolverVersion !== resolver.version) {
        cache.clear();
        resolverVersion = resolver.version;
      }
      if (sql.length > config.lengthMax) return { ...opaqueAnalysis('too long'), ...cut(sql, deps.hmac) };
      const shape = sql.length <= config.cachedLengthMax ? shapeOf(sql) : undefined;
      if (shape !== undefined) {
        const known = cache.find(settingsKey(settings), shape);
        if (known !== undefined && !shape.literals.some(maySecret)) {
          counts.hits += 1;
          return { ...known, text: sql, secretsLifted: false };
        }
      }
      counts.misses += 1;
      if (sql.length <= config.directLengthMax && !broken && !mayBeDeep(sql, config.directDepthMax)) {
        return analyseDirectly(sql, settings, asPrepared(session), shape);
      }
      return thread.analyse(sql, settings).then((found) => withText(sql, found));
    },
    createSession: (): AnalyserSession =>
      createPreparedNames({ namesMax: config.preparedNamesMax, statementsPerNameMax: 16 }),
    close: () => thread.close(),
  };
}

/** Short literals and numbers hold none of the words. */
function maySecret(literal: string): boolean {
  return (
    literal.length > 4 &&
    literal.charCodeAt(0) === 39 &&
    (SECRET_WORDS.test(literal) || literal.includes('://') || holdsToken(literal))
  );
}

function asPrepared(session: AnalyserSession): PreparedNames {
  return session as PreparedNames;
}

/** Of a command that is too long to look at, only the beginning is kept, without any literal. */
function cut(sql: string, hmac: Hmac): { text: string; secretsLifted: boolean } {
  return { text: liftUnparsed(sql.slice(0, 65_536), hmac).text, secretsLifted: true };
}

/** Indexes of literals that are not proven free: no constant of the tree begins there, or its value was looked at. */
function bindingOf(sql: string, shape: Shape, found: Run): readonly number[] {
  const binding: number[] = [];
  let bytes = 0;
  let from = 0;
  shape.offsets.forEach((offset, index) => {
    bytes += Buffer.byteLength(sql.slice(from, offset), 'utf8');
    from = offset;
    if (!found.constants.has(bytes) || found.binding.has(bytes)) binding.push(index);
  });
  return binding;
}
