/** What clients write before the @: CONNECTION, or USER+CONNECTION. */
export interface LoginName {
  readonly connection: string;
  /** Who the client says it is, or the account that it wants at the target. */
  readonly user: string | null;
}

/** The last plus sign divides: connection names have none. */
export function parseLoginName(text: string): LoginName | undefined {
  const plus = text.lastIndexOf('+');
  const connection = text.slice(plus + 1);
  const user = plus < 0 ? null : text.slice(0, plus);
  if (!/^[a-z0-9][a-z0-9._-]{0,62}$/.test(connection) || user === '' || (user?.length ?? 0) > 256)
    return undefined;
  return { connection, user };
}

/** Program and version of an identification (RFC 4253, section 4.2): `OpenSSH_9.2p1 Debian-2`. */
export function toolOf(software: string): { readonly tool: string | null; readonly version: string | null } {
  const [, tool = '', version] = /^([^_\s-]{1,64})(?:[_-](\S{1,64}))?/.exec(software) ?? [];
  return { tool: tool === '' ? null : tool, version: version ?? null };
}
