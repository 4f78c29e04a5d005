/** A backend as events name it, so that it is found again when the gateway that had it is lost. */
import type { HostAddress } from '../options.ts';
import type { Backend } from './connector.ts';
import type { TargetLink } from './login.ts';

const TARGET_SESSION = /^(\d{1,10})@(\d{1,12}(?:\.\d{1,9})?)(?:@(.{1,253}):(\d{1,5}))?$/;

/** `pid@start`, and `@host:port` where the connection has several servers. */
export function targetSessionOf(link: TargetLink, addresses: readonly HostAddress[]): string {
  const server = addresses.length > 1 ? `@${link.host}:${link.port}` : '';
  return `${link.pid}@${link.backendStart}${server}`;
}

/** Reads it back; undefined where it is none (it becomes part of a statement), or of a server that the connection does not name. */
export function parseTargetSession(text: string, addresses: readonly HostAddress[]): Backend | undefined {
  const [, pid, backendStart, host, port] = TARGET_SESSION.exec(text) ?? [];
  if (pid === undefined || backendStart === undefined) return undefined;
  const server =
    host === undefined
      ? addresses[0]
      : addresses.find((one) => one.host === host && one.port === Number(port));
  return server === undefined ? undefined : { pid: Number(pid), backendStart, ...server };
}
