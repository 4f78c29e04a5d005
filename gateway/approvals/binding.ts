/** What an approval of one statement is bound to: nothing else may go through under it. */
import { sha256Hex } from '../../platform/digest/sha256.ts';
import type { Identity, Target } from '../../schemas/types.ts';
import type { RequestInput } from '../sessions/session.ts';

/** Of an approval for what one session does under one rule. */
export const sessionBinding = (sessionId: string, rule: string): string =>
  sha256Hex(JSON.stringify(['session', sessionId, rule]));

/**
 * SHA-256 (hex) over identity, persons it acts for, connection, database, account at the target, the command itself, its parameters
 * and the objects that its names resolved to: after a change of search_path or of the catalogue it is another command.
 */
export function bindingOf(
  identity: Identity,
  target: Target,
  request: Pick<RequestInput, 'verb' | 'text' | 'textBytes' | 'fingerprint' | 'actions' | 'parametersDigest'>,
): string {
  const { connection, protocol, host, port, database, role } = target;
  const parts = [
    identity.id,
    identity.onBehalfOf,
    identity.credentialSource,
    [connection, protocol, host, port, database, role],
    request.fingerprint,
    request.textBytes === undefined ? request.text : Buffer.from(request.textBytes).toString('base64'),
    request.parametersDigest === undefined || request.parametersDigest === null
      ? null
      : Buffer.from(request.parametersDigest).toString('base64'),
    request.actions.map(({ action, objectKind, object, columns, whole }) => [
      action,
      objectKind,
      object,
      columns,
      whole,
    ]),
  ];
  return sha256Hex(JSON.stringify(parts));
}
