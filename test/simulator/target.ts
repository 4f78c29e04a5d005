/** The target: keeps what reached it and which sessions live in it, as `log_statement = all` and pg_stat_activity would. */
import type { Session } from '../../gateway/sessions/session.ts';
import type { Identity } from '../../schemas/types.ts';
import type { InForce } from './control-calls.ts';
import type { GatewayProcess } from './gateway-process.ts';
import type { World } from './world.ts';

export interface Received {
  readonly requestId: string;
  readonly sessionId: string;
  readonly gateway: string;
  /** Revision that the gateway knew then. */
  readonly revision: number;
}

export interface Target {
  readonly received: Received[];
  readonly inForce: InForce[];
  /** Target sessions that live now. */
  readonly live: Set<string>;
  receive(gateway: GatewayProcess, session: Session, identity: Identity, requestId: string): void;
}

export function createTarget(world: World): Target {
  const received: Received[] = [];
  const inForce: InForce[] = [];
  const hits = ({ lockout }: InForce, sessionId: string, identity: Identity): boolean =>
    (lockout.subjectKind === 'identity' && lockout.subject === identity.id) ||
    (lockout.subjectKind === 'token' && lockout.subject === identity.tokenId) ||
    (lockout.subjectKind === 'session' && lockout.subject === sessionId) ||
    (lockout.subjectKind === 'credential_source' && lockout.subject === identity.credentialSource);
  return {
    received,
    inForce,
    live: new Set(),
    receive(gateway, session, identity, requestId) {
      received.push({
        requestId,
        sessionId: session.id,
        gateway: gateway.id,
        revision: gateway.view.appliedRevision(),
      });
      world.trace(`target has ${requestId.slice(-6)} of ${identity.subject}`);
      const refusal = gateway.view.check({
        sessionId: session.id,
        tokenId: identity.tokenId,
        identityId: identity.id,
        credentialSource: identity.credentialSource,
        connection: 'main',
        exerciseId: null,
      });
      if (refusal !== undefined)
        world.broken(
          'nothing under a lockout',
          `${requestId} ran although its gateway knew ${refusal.error.code}`,
        );
      for (const known of inForce)
        if (known.lockout.releasedAt === null && hits(known, session.id, identity))
          world.broken(
            'nothing under a lockout',
            `${requestId} ran under ${known.lockout.subjectKind} ${known.lockout.subject}, which the API called in force`,
          );
    },
  };
}
