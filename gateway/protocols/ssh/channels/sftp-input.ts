/** An SFTP channel: each operation is a request of its own, decided before the target gets its packet. */
import type { SftpEnd } from '../analysis.ts';
import type { ConnectionContext } from './context.ts';
import type { ChannelInput, InputSinks } from './input.ts';
import { denialText, type Ruling, type RunningRequest } from './requests.ts';

/** Operations at a time; OpenSSH's client keeps 64 packets under way. */
const RUNNING_MAX = 4096;
/** What would run by itself would be no command of the list. */
const PERSISTS = {
  rule: 'exec-only',
  reason: 'this file or mode runs or lets in by itself, which an exec-only connection does not take',
};

export function createSftpInput(
  context: ConnectionContext,
  channel: string,
  sinks: InputSinks,
): ChannelInput {
  const { execOnly } = context.options;
  const { readOnly = false, allow, deny, bytesMax = null } = context.options.sftp;
  const running = new Map<number, RunningRequest>();
  const sftp = context.analysis.createSftpRequests({
    readOnly,
    paths: { ...(allow === undefined ? {} : { allow }), ...(deny === undefined ? {} : { deny }) },
    bytesMax,
    readLimit: (operation, bytes) => running.get(operation)?.breaks(bytes),
  });
  const settle = (ends: readonly SftpEnd[]): void => {
    for (const end of ends) {
      running.get(end.operation)?.settle(end);
      running.delete(end.operation);
    }
  };
  const feed = async (steps: ReturnType<typeof sftp.fromClient>): Promise<void> => {
    for (const step of steps) {
      if (context.isOver()) return;
      if (step.kind === 'broken') {
        sinks.broken(step.reason);
        return;
      }
      if (step.kind === 'reply') sinks.toClient(step.reply);
      else if (step.kind === 'pass') sinks.toTarget(step.bytes);
      else {
        const { operation, name, analysis } = step.operation;
        const persists = execOnly && analysis.actions.some(({ action }) => action === 'persistence');
        const forcedDenial = analysis.forcedDenial ?? (persists ? PERSISTS : undefined);
        const judged = context.requests.judge({
          verb: `sftp ${name}`,
          text: analysis.text,
          fingerprint: analysis.fingerprint,
          actions: analysis.actions,
          risk: analysis.risk,
          channel,
          ...(forcedDenial === undefined ? {} : { forcedDenial }),
        });
        const ruling: Ruling = judged instanceof Promise ? await judged : judged;
        if (!ruling.allowed) sinks.toClient(step.refusal(denialText(ruling.denial)));
        else if (running.size >= RUNNING_MAX) {
          ruling.request.settle({ status: 'error', errorMessage: 'too many operations at a time' });
          sinks.toClient(step.refusal('too many operations at a time'));
        } else {
          running.set(operation, ruling.request);
          sinks.toTarget(step.bytes);
        }
      }
    }
  };
  return {
    feed(bytes) {
      sinks.record(bytes);
      const steps = sftp.fromClient(bytes);
      // The usual case, without a turn of the event loop.
      if (steps.every(({ kind }) => kind === 'pass')) {
        for (const step of steps) if (step.kind === 'pass') sinks.toTarget(step.bytes);
        sinks.usedUp(bytes);
        return undefined;
      }
      return feed(steps);
    },
    end: () => undefined,
    output(bytes) {
      const answer = sftp.fromTarget(bytes);
      settle(answer.ended);
      if (answer.broken !== undefined) sinks.broken(answer.broken);
      return answer.bytes;
    },
    close() {
      settle(sftp.close());
      for (const request of running.values()) request.settle({ status: 'cut_off' });
      running.clear();
    },
  };
}
