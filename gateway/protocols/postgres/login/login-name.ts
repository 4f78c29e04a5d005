/** Who logs in, and to what. */
export interface LoginName {
  /** `identity` or `identity#tokenId`. */
  readonly user: string;
  readonly connection: string;
  /** Of the target; null: the connection's own. */
  readonly database: string | null;
}

/**
 * The database names the connection: `CONNECTION`, or `CONNECTION/DATABASE`. Where it names none, and the user ends in `+CONNECTION`,
 * that does, and the database is one of the target's: so clients that show databases by their own names work, too. The last plus
 * sign divides, as for SSH; clients without a database send the user's name as that.
 */
export function readLoginName(
  user: string,
  database: string | undefined,
  isConnection: (name: string) => boolean,
): LoginName {
  const [connection = '', ...rest] = (database ?? user).split('/');
  const plus = user.lastIndexOf('+');
  const suffix = user.slice(plus + 1);
  if (plus > 0 && !isConnection(connection) && isConnection(suffix))
    return {
      user: user.slice(0, plus),
      connection: suffix,
      database: database === undefined || database === user ? null : database,
    };
  return { user, connection, database: rest.length === 0 ? null : rest.join('/') };
}
