/** psql and everything else on libpq, and drivers that read its files: pg_service.conf and a passfile (PostgreSQL: 32.17, 32.16). */
import { join } from 'node:path';
import type { OwnFile, Plan } from './plan.ts';
import type { ConnectWish } from './wish.ts';

/** Colons and backslashes divide the fields of a passfile. */
const field = (text: string): string => text.replaceAll(/[\\:]/g, '\\$&');

export function planPostgres({
  connection,
  token,
  userName,
  home,
  userHome,
  environment,
}: ConnectWish): Plan {
  const { name, listener } = connection;
  const passFile = join(home, 'connect', `${name}.pgpass`);
  const caFile = join(home, 'connect', `${name}.ca.pem`);
  const { host } = listener;
  const files: OwnFile[] = [
    {
      path: passFile,
      content: `${[host, String(listener.port), '*', userName, token].map((text, at) => (at === 2 ? text : field(text))).join(':')}\n`,
    },
    ...(listener.ca === null ? [] : [{ path: caFile, content: listener.ca }]),
  ];
  const content = [
    `[${name}]`,
    `host=${host}`,
    `port=${listener.port}`,
    `dbname=${name}`,
    `user=${userName}`,
    `passfile=${passFile}`,
    ...(listener.tls
      ? ['sslmode=verify-full', `sslrootcert=${listener.ca === null ? 'system' : caFile}`]
      : ['sslmode=disable']),
  ].join('\n');
  return {
    files,
    blocks: [
      {
        path: environment['PGSERVICEFILE'] ?? join(userHome, '.pg_service.conf'),
        mark: name,
        content,
        atTop: false,
        taken: new RegExp(`^\\[${name.replaceAll('.', '\\.')}\\][ \\t]*$`, 'm'),
      },
    ],
    note: `psql service=${name}`,
  };
}
