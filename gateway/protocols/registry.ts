/** All protocols, one line each. */
import { postgresProtocol } from './postgres/protocol.ts';
import type { Protocol } from './protocol.ts';
import { sshProtocol } from './ssh/protocol.ts';

export const protocols: readonly Protocol[] = [postgresProtocol, sshProtocol];

export function findProtocol(name: string): Protocol | undefined {
  return protocols.find((protocol) => protocol.name === name);
}
