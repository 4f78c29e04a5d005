import type { Detection } from '../../schemas/types.ts';
import type { SubjectResult } from './action.ts';

export type ContainedKind = 'session' | 'token' | 'identity' | 'credential_source';

/** `kind:id` of that part of the detection, or why there is none. */
export function subjectOf(kind: ContainedKind, detection: Detection): SubjectResult {
  const id = {
    session: detection.sessionId,
    token: detection.tokenId,
    identity: detection.identityId,
    credential_source: detection.credentialSource,
  }[kind];
  if (id === null) return { ok: false, reason: `the detection names no ${kind.replace('_', ' ')}` };
  return { ok: true, subject: `${kind}:${id}` };
}

/** Splits `kind:id`; ids may contain colons. */
export function splitSubject(subject: string): { kind: string; id: string } {
  const at = subject.indexOf(':');
  return { kind: subject.slice(0, at), id: subject.slice(at + 1) };
}
