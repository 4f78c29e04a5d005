/** Commands on a host as session events. */
import type { Action, RiskClass, SessionEvent } from '../../../schemas/types.ts';
import { NO_HASH } from './events.ts';

interface HostCommand {
  readonly time: number;
  readonly number: number;
  /** A program alone; or all that an analysis found. */
  readonly program?: string;
  readonly text?: string;
  readonly actions?: readonly Action[];
  readonly risk?: RiskClass;
  readonly fingerprint?: string | null;
  readonly who?: string;
}

const PRIVILEGED: readonly string[] = ['sudo', 'su', 'doas'];

/** One exec request of a person on a host. */
export function hostEvent({
  time,
  number,
  program = '',
  text,
  actions,
  risk,
  fingerprint,
  who = 'alice',
}: HostCommand): SessionEvent {
  const own: Action[] = [
    { action: 'execute', objectKind: 'program', object: program, columns: [], whole: false },
  ];
  if (PRIVILEGED.includes(program))
    own.push({
      action: 'privilege_escalation',
      objectKind: 'program',
      object: program,
      columns: [],
      whole: false,
    });
  const id = `0193a000-0000-7000-8000-${String(number).padStart(12, '0')}`;
  return {
    eventId: id,
    time,
    origin: 'gateway',
    exerciseId: null,
    gateway: { id: 'gateway-1', epoch: 1, sequence: number },
    session: { id: `${who}-${Math.floor(time / 86_400_000)}`, sequence: number, channel: null },
    requestId: id,
    controlRevision: 0,
    identity: {
      id: `https://idp.example/${who}`,
      issuer: 'https://idp.example',
      subject: who,
      kind: 'human',
      displayName: who,
      groups: [],
      credentialSource: 'idp',
      tokenId: 'token',
      issuedAt: time,
      expiresAt: time + 3_600_000,
      onBehalfOf: [],
      attributes: {},
    },
    client: { ip: '10.0.0.7', port: 40_000, tool: 'OpenSSH', version: null },
    target: { connection: 'web', protocol: 'ssh', host: 'web', port: 22, database: null, role: who },
    body: {
      kind: 'request',
      verb: 'exec',
      text: text ?? program,
      textBytes: null,
      textLength: (text ?? program).length,
      textDigest: null,
      fingerprint: fingerprint === undefined ? program : fingerprint,
      actions: [...(actions ?? own)],
      risk: risk ?? 'low',
      parameterCount: 0,
      parametersDigest: null,
      decision: { decisionId: id, outcome: 'allow', rule: 'default', reason: '' },
    },
    gatewayChain: null,
    previousHash: NO_HASH,
    hash: NO_HASH,
  };
}
