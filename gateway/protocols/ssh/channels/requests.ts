/** Requests of one connection: put to the gate, counted while they run, reported once. */
import { createHash, type Hash } from 'node:crypto';
import type { Clock } from '../../../../platform/clock/clock.ts';
import type { ResponseStatus } from '../../../../schemas/types.ts';
import type { GateDecision, RequestInput, Session } from '../../../sessions/session.ts';
import { sshError } from '../errors.ts';
import { brokenLimit } from './limits.ts';

export interface RunningRequest {
  readonly id: string;
  /** Takes a piece of the answer. A text: it breaks a limit of policy, and must not go on. */
  absorb(bytes: Buffer): string | undefined;
  /** Whether the answer would break a limit with so many bytes. */
  breaks(bytes: number): string | undefined;
  /** What it came to so far, in a few words, where its end is reported without a tag. */
  describe(tag: () => string): void;
  /** The answer is whole: what ends it from now on cuts nothing off. */
  answered(): void;
  /** Reports the end; a second call does nothing. */
  settle(end: RequestEnd): void;
}

export interface RequestEnd {
  readonly status: ResponseStatus;
  readonly tag?: string | null;
  readonly errorCode?: string | null;
  readonly errorMessage?: string | null;
  /** Where the protocol knows better than what was absorbed. */
  readonly rows?: number;
  readonly bytes?: number;
  readonly digest?: Buffer | null;
}

export type Ruling =
  | { readonly allowed: true; readonly request: RunningRequest }
  | { readonly allowed: false; readonly denial: GateDecision };

export interface Requests {
  /** The ruling, at once where nothing must be waited for; else `held` gets what to call when the client waits no more. */
  judge(input: RequestInput, held?: (giveUp: () => void) => void): Ruling | Promise<Ruling>;
  /** Reports all that run. */
  settleAll(status: ResponseStatus, note: string): void;
}

export function createRequests(clock: Clock, session: Session, isOver: () => boolean): Requests {
  const open = new Set<RunningRequest>();
  /** Of all answers of the session. */
  let passedBytes = 0;
  const begin = (id: string, given: GateDecision): RunningRequest => {
    const { limits } = given;
    const startedUs = clock.monotonicUs();
    let bytes = 0;
    let hash: Hash | undefined;
    let described: (() => string) | undefined;
    let isWhole = false;
    const request: RunningRequest = {
      id,
      describe(tag) {
        described = tag;
      },
      absorb(piece) {
        const broken =
          limits === undefined
            ? undefined
            : brokenLimit(limits, bytes + piece.length, passedBytes + piece.length);
        if (broken !== undefined) return cutOffText(broken, given);
        bytes += piece.length;
        passedBytes += piece.length;
        hash ??= createHash('sha256');
        hash.update(piece);
        return undefined;
      },
      breaks(count) {
        const broken = limits === undefined ? undefined : brokenLimit(limits, count, passedBytes);
        return broken === undefined ? undefined : cutOffText(broken, given);
      },
      answered() {
        isWhole = true;
      },
      settle(end) {
        if (!open.delete(request)) return;
        session.response(id, {
          status: end.status === 'cut_off' && isWhole ? 'ok' : end.status,
          rows: end.rows ?? 0,
          bytes: end.bytes ?? bytes,
          durationUs: Math.max(0, Math.round(clock.monotonicUs() - startedUs)),
          tag: end.tag ?? described?.() ?? null,
          errorCode: end.errorCode ?? null,
          errorMessage: isWhole ? null : (end.errorMessage ?? null),
          bodyDigest: end.digest === undefined ? (hash?.digest() ?? null) : end.digest,
        });
      },
    };
    open.add(request);
    return request;
  };
  return {
    judge(input, held) {
      const { requestId, decision, abandon } = session.request(input);
      if (abandon !== undefined) held?.(abandon);
      const rule = (given: GateDecision): Ruling => {
        if (given.outcome === 'deny') return { allowed: false, denial: given };
        const request = begin(requestId, given);
        if (isOver()) {
          request.settle({ status: 'cut_off' });
          return { allowed: false, denial: { ...given, outcome: 'deny', reason: 'the session is over' } };
        }
        if (given.outcome === 'allow') return { allowed: true, request };
        // A mask that cannot be carried out must not become an allow.
        const { message } = sshError('SSH_MASK_UNSUPPORTED');
        request.settle({ status: 'denied', errorMessage: message });
        return { allowed: false, denial: { ...given, outcome: 'deny', reason: message } };
      };
      return decision instanceof Promise ? decision.then(rule) : rule(decision);
    },
    settleAll(status, note) {
      for (const request of open) request.settle({ status, errorMessage: note });
    },
  };
}

/** One line for people; the decision id is what they name when they ask why. */
export const denialText = ({ reason, rule, decisionId }: GateDecision): string =>
  `countersign: denied by policy: ${reason} (rule "${rule}", decision ${decisionId})`;

const cutOffText = (limit: string, { rule, decisionId }: GateDecision): string =>
  `countersign: answer cut off by policy: ${limit} (rule "${rule}", decision ${decisionId})`;
