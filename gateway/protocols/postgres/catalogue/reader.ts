/**
 * Keeps what is known of one database young enough to decide by. A fingerprint of the catalogue is asked for at most so often as the
 * stated age demands; only where it changed are the names read again, and what was worked out is dropped.
 */
import type { Clock } from '../../../../platform/clock/clock.ts';
import type { Logger } from '../../../../platform/log/log.ts';
import type { Metrics } from '../../../../platform/metrics/metrics.ts';
import type { Action } from '../../../../schemas/types.ts';
import type { Attempt, CatalogueSource, NamedFunction } from '../analysis/effects.ts';
import { createAnswers } from './answers.ts';
import { readFunctionDetails, readRelationDetails } from './details.ts';
import { functionSql, namedSql, relationSql } from './details-sql.ts';
import { FINGERPRINT_SQL } from './fingerprint-sql.ts';
import { createInstruments } from './instruments.ts';
import type { Insight, Work } from './insight.ts';
import type { CatalogueLink, Rows } from './link.ts';
import { createRepeatingLink } from './repeating-link.ts';
import { estimateRows } from './row-estimates.ts';
import { readSkeleton } from './skeleton.ts';
import { skeletonSql } from './skeleton-sql.ts';

export interface ReaderDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly link: CatalogueLink;
  /** Who the sessions log in to the target as. */
  readonly user: string;
}

export interface ReaderConfig {
  /** Name of the connection, and its database. */
  readonly connection: string;
  readonly database: string;
  readonly ageMsMax: number;
}

export interface CatalogueReader extends CatalogueSource {
  /** About how many rows stand in what these touch, a line each; none where it is not known. */
  estimate(actions: readonly Action[]): Promise<readonly string[]>;
  close(): void;
}

/** After a failure the target is not asked again for this long. */
const RETRY_MS = 500;
/** A name that nobody knows makes the reader ask at most so often. */
const RECHECK_MS = 200;
/** A connection that nobody needs is kept for so long. */
const LINGER_MS = 10_000;
/** Functions that are called by their object ids. */
const NAMED_MAX = 10_000;
/** Definitions asked for at once. */
const DETAILS_MAX = 2000;

let readers = 0;

export function createCatalogueReader(deps: ReaderDeps, config: ReaderConfig): CatalogueReader {
  const { clock, log } = deps;
  const link = createRepeatingLink(deps.link);
  const { connection, ageMsMax } = config;
  const { reads, away, seconds } = createInstruments(deps.metrics);
  const id = (readers += 1);
  let version = 0;
  let key = `${id}.0`;
  let fingerprint = '';
  let insight: Insight | undefined;
  /** Everything that was committed before this moment has been seen. */
  let seenUs = Number.NEGATIVE_INFINITY;
  /** What is seen must be at least this young. */
  let neededUs = Number.NEGATIVE_INFINITY;
  let failedUs = Number.NEGATIVE_INFINITY;
  let underWay: { readonly startedUs: number; readonly done: Promise<boolean> } | undefined;
  let usedUs = Number.NEGATIVE_INFINITY;
  let isAway = false;
  let closed = false;

  const isFresh = (): boolean => {
    const nowUs = clock.monotonicUs();
    usedUs = nowUs;
    return seenUs >= neededUs && nowUs - seenUs < ageMsMax * 1000;
  };

  const failed = (reason: string): false => {
    failedUs = clock.monotonicUs();
    reads.add(1, { connection, outcome: 'failed' });
    if (!isAway && !closed)
      log.warn({ connection, database: config.database, reason }, 'the catalogue of a target cannot be read');
    isAway = true;
    away.set(1, { connection });
    return false;
  };

  /** `ofOne`: what one command needs; where the target refuses that, the others go on. */
  const ask = async (statements: readonly string[], ofOne = false): Promise<readonly Rows[] | undefined> => {
    const startedUs = clock.monotonicUs();
    const answer = await link.run(statements);
    seconds.observe((clock.monotonicUs() - startedUs) / 1e6, { connection });
    if (answer.ok) return answer.results;
    if (ofOne && answer.failure.kind === 'error') reads.add(1, { connection, outcome: 'failed' });
    else failed(answer.reason);
    return undefined;
  };

  const takeFingerprint = (rows: Rows | undefined): string => JSON.stringify(rows ?? []);

  /** Reads names where the fingerprint is another one; both are of the same moment. */
  const readAll = async (): Promise<boolean> => {
    const found = await ask([FINGERPRINT_SQL, ...skeletonSql(deps.user)]);
    if (found === undefined) return false;
    insight = {
      skeleton: readSkeleton(found.slice(1)),
      user: deps.user,
      relations: new Map(),
      functions: new Map(),
      named: new Map(),
      known: new Map(),
    };
    fingerprint = takeFingerprint(found[0]);
    version += 1;
    key = `${id}.${version}`;
    reads.add(1, { connection, outcome: 'changed' });
    return true;
  };

  const look = async (startedUs: number): Promise<boolean> => {
    if (insight !== undefined) {
      const rows = await ask([FINGERPRINT_SQL]);
      if (rows === undefined) return false;
      if (takeFingerprint(rows[0]) === fingerprint) reads.add(1, { connection, outcome: 'unchanged' });
      else if (!(await readAll())) return false;
    } else if (!(await readAll())) return false;
    seenUs = startedUs;
    if (isAway) log.info({ connection, database: config.database }, 'the catalogue can be read again');
    isAway = false;
    away.set(0, { connection });
    keepYoung();
    return true;
  };

  /** While it is used, it is looked at again before it is too old: no command waits for that. */
  const keepYoung = (): void => {
    clock.after(
      ageMsMax / 2,
      () => {
        if (closed) return;
        if (clock.monotonicUs() - usedUs <= ageMsMax * 1000) refresh().catch(() => undefined);
        else clock.after(LINGER_MS, restIfUnused, { background: true });
      },
      { background: true },
    );
  };
  const restIfUnused = (): void => {
    if (clock.monotonicUs() - usedUs >= LINGER_MS * 1000) link.rest();
  };

  const start = (): Promise<boolean> => {
    const startedUs = clock.monotonicUs();
    const done = look(startedUs)
      .catch((cause: unknown) => failed(String(cause)))
      .finally(() => {
        underWay = undefined;
      });
    underWay = { startedUs, done };
    return done;
  };

  /** One look at a time; one that began too early is followed by another. */
  const refresh = async (): Promise<boolean> => {
    const wantedUs = Math.max(neededUs, seenUs + 1);
    if (closed) return false;
    if (underWay !== undefined) {
      const { startedUs, done } = underWay;
      const come = await done;
      if (startedUs >= wantedUs || !come) return come;
      return underWay === undefined ? start() : refresh();
    }
    if (clock.monotonicUs() - failedUs < RETRY_MS * 1000) return false;
    return start();
  };

  const fetch = async (work: Work, of: Insight): Promise<boolean> => {
    const relations = [...work.missingRelations].slice(0, DETAILS_MAX);
    const functions = [...work.missingFunctions].slice(0, DETAILS_MAX);
    const statements = [
      ...(relations.length === 0 ? [] : relationSql(relations.join(','))),
      ...(functions.length === 0 ? [] : functionSql(functions.join(','))),
    ];
    const results = await ask(statements, true);
    if (results === undefined) return false;
    reads.add(1, { connection, outcome: 'definitions' });
    const relationResults =
      relations.length === 0 ? [] : results.slice(0, -Number(functions.length > 0) || undefined);
    for (const [oid, details] of readRelationDetails(relations, relationResults))
      of.relations.set(oid, details);
    const functionResults = functions.length === 0 ? [] : results.slice(-1);
    const found = readFunctionDetails(functionResults);
    for (const oid of functions)
      of.functions.set(oid, found.get(oid) ?? { source: '', settings: '', text: '', sameAs: [], uses: [] });
    return true;
  };

  const functionById = async (oid: number): Promise<NamedFunction | undefined> => {
    if (!isFresh() && !(await refresh())) return undefined;
    const of = insight!;
    const known = of.named.get(oid);
    if (known !== undefined) return known;
    const [row] = (await ask([namedSql(oid)], true))?.[0] ?? [];
    if (row === undefined) return undefined;
    const found = { schema: row[0]!, name: row[1]!, argumentCount: Number(row[2]) };
    if (of.named.size < NAMED_MAX) of.named.set(oid, found);
    return found;
  };

  return {
    functionById,
    get key() {
      return key;
    },
    isFresh,
    refresh,
    async recheck() {
      const nowUs = clock.monotonicUs();
      if (nowUs - seenUs < RECHECK_MS * 1000) return false;
      neededUs = Math.max(neededUs, nowUs);
      return refresh();
    },
    attempt(): Attempt {
      const of = insight!;
      const { view, work } = createAnswers(of);
      return {
        view,
        get missing() {
          return work.missing;
        },
        fetch: () => fetch(work, of),
      };
    },
    touched() {
      neededUs = clock.monotonicUs();
      if (!closed) refresh().catch(() => undefined);
    },
    async estimate(actions) {
      return insight === undefined || closed ? [] : estimateRows(link, insight.skeleton, actions);
    },
    close() {
      closed = true;
      link.close();
    },
  };
}
