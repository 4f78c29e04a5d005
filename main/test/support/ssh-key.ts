import { spawnSync } from 'node:child_process';
import type { ApiClient } from '../../../cli/api-client.ts';

/** Makes a key in the file `key`, and an identity `countersign/SUBJECT` with a token for the connection `web` that is bound to it. */
export async function enrolKey(
  api: ApiClient,
  key: string,
  subject: string,
  kind: 'human' | 'service_account' = 'human',
): Promise<void> {
  spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  const shown = spawnSync('ssh-keygen', ['-l', '-f', `${key}.pub`], { encoding: 'utf8' }).stdout;
  const identityId = `countersign/${subject}`;
  await api.send('PUT', '/v1/identities', {
    id: identityId,
    kind,
    displayName: subject,
    groups: [],
    attributes: {},
  });
  await api.send('POST', '/v1/tokens', {
    identityId,
    connections: ['web'],
    ttlMs: 3_600_000,
    attributes: { ssh_key: shown.split(' ')[1]! },
  });
}
