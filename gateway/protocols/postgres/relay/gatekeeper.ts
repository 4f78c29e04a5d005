/** Puts a command to the session's gate; what must be waited for stops the client's messages, in order. */
import type { GateDecision, RequestGate } from '../../../sessions/session.ts';
import type { StatementAnalysis } from '../analysis/analyser.ts';
import { postgresError } from '../errors.ts';
import type { RelayContext } from './context.ts';
import { CANCELLED, createCancellation, createDenial } from './denial.ts';
import type { Denial } from './expectations.ts';
import { boundsOf } from './limits.ts';
import type { RunningRequest } from './requests.ts';

export interface Command {
  readonly verb: 'query' | 'parse' | 'execute' | 'function_call';
  readonly analysis: StatementAnalysis;
  /** Bytes of the text where decoding lost something. */
  readonly textBytes: Buffer | null;
  readonly parameterCount: number;
  readonly parametersDigest: Buffer | null;
}

export type Ruling =
  | { readonly allowed: true; readonly request: RunningRequest }
  | { readonly allowed: false; readonly denial: Denial };

/** The ruling, at once where nothing must be waited for. Undefined where the session ended meanwhile. */
export function judge(
  context: RelayContext,
  command: Command,
): Ruling | undefined | Promise<Ruling | undefined> {
  const { analysis } = command;
  const stated = context.stated.current;
  const gate = context.session.request({
    verb: command.verb,
    text: analysis.text,
    fingerprint: analysis.fingerprint,
    actions: analysis.actions,
    risk: analysis.risk,
    parameterCount: command.parameterCount,
    parametersDigest: command.parametersDigest,
    notify: context.notify,
    inTransaction: context.inTransaction(),
    ...(stated === undefined ? {} : { stated }),
    ...(command.textBytes === null || analysis.secretsLifted ? {} : { textBytes: command.textBytes }),
    ...(analysis.forcedDenial === null ? {} : { forcedDenial: analysis.forcedDenial }),
  });
  const { decision } = gate;
  const rule = (given: Awaited<typeof decision>): Ruling | undefined => {
    if (given.outcome === 'deny') return { allowed: false, denial: createDenial(given) };
    if (context.isOver()) {
      context.requests.settle(context.requests.begin(gate.requestId), 'cut_off');
      return undefined;
    }
    const request = context.requests.begin(gate.requestId, boundsOf(given));
    if (given.outcome === 'allow') {
      context.pipelineOpen = true;
      return { allowed: true, request };
    }
    // A mask that cannot be carried out must not become an allow.
    const error = postgresError('POSTGRES_MASK_UNSUPPORTED');
    request.error = { sqlState: '42501', message: error.message };
    context.requests.settle(request, 'denied');
    return { allowed: false, denial: createDenial({ ...given, reason: error.message }) };
  };
  return decision instanceof Promise ? held(context, gate, decision, rule) : rule(decision);
}

/** Waits for the decision, or for the client's cancel request: then the command fails as the target would let it fail. */
function held(
  context: RelayContext,
  { requestId, abandon }: RequestGate,
  decision: Promise<GateDecision>,
  rule: (given: GateDecision) => Ruling | undefined,
): Promise<Ruling | undefined> {
  return new Promise((resolve, reject) => {
    let cancelled = false;
    const cancel = (): void => {
      cancelled = true;
      abandon?.();
      context.cancelHold = undefined;
      resolve({ allowed: false, denial: createCancellation(requestId) });
    };
    context.cancelHold = cancel;
    decision.then((given) => {
      if (context.cancelHold === cancel) context.cancelHold = undefined;
      if (!cancelled) resolve(rule(given));
      // Allowed too late: nobody waits for it any more, and it has not run.
      else if (given.outcome !== 'deny' && !context.isOver())
        context.requests.settle(context.requests.begin(requestId), 'cancelled', CANCELLED);
    }, reject);
  });
}
