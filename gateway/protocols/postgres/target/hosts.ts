/** Which of several servers a session goes to, as libpq has it (PostgreSQL: 32.1.1.3 "Specifying Multiple Hosts"). */
import { postgresError } from '../errors.ts';
import type { HostAddress, TargetSessionAttrs } from '../options.ts';
import { TERMINATE } from '../wire/messages.ts';
import { ignore, type TargetLink, type TargetLogin } from './login.ts';

/** The server starts, stops, or is not ready for readers yet: another may be. */
const NOT_NOW = '57P03';

const MATCHES: Readonly<Record<TargetSessionAttrs, (link: TargetLink) => boolean>> = {
  any: () => true,
  'read-write': (link) => !link.readOnly,
  'read-only': (link) => link.readOnly,
  primary: (link) => !link.standby,
  standby: (link) => link.standby,
  'prefer-standby': (link) => link.standby,
};

/** A server that is away, or not ready, gives way to the next; one that refuses the credential does not. */
const mayTryNext = (login: TargetLogin): boolean =>
  !login.ok && (login.error.code !== 'POSTGRES_TARGET_LOGIN_FAILED' || login.sqlState === NOT_NOW);

function leave({ socket }: TargetLink): void {
  socket.on('error', ignore);
  socket.end(TERMINATE);
}

export interface HostChoice {
  readonly connection: string;
  readonly addresses: readonly HostAddress[];
  readonly wanted: TargetSessionAttrs;
}

/**
 * Logs in to the first server that answers and is what `wanted` asks for; a `prefer-standby` takes any where there is no standby. Errors:
 * those of the last server that was tried, POSTGRES_TARGET_UNSUITABLE where all that answered are something else.
 */
export async function loginToOneOf(
  { connection, addresses, wanted }: HostChoice,
  login: (address: HostAddress) => Promise<TargetLogin>,
): Promise<TargetLogin> {
  const passes: readonly TargetSessionAttrs[] =
    wanted === 'prefer-standby' ? ['prefer-standby', 'any'] : [wanted];
  let last: TargetLogin | undefined;
  let unsuitable = false;
  for (const attrs of passes)
    for (const address of addresses) {
      const reached = await login(address);
      if (!reached.ok) {
        if (!mayTryNext(reached)) return reached;
        last = reached;
      } else if (MATCHES[attrs](reached.link)) return reached;
      else {
        unsuitable = true;
        leave(reached.link);
      }
    }
  if (!unsuitable) return last!;
  return { ok: false, error: postgresError('POSTGRES_TARGET_UNSUITABLE', { connection, wanted }) };
}
