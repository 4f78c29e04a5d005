/** kubectl and whatever reads kubeconfig: a file of our own with an exec plugin, so that each call has a token that works. */
import { join } from 'node:path';
import type { Plan } from './plan.ts';
import type { ConnectWish } from './wish.ts';

export const EXEC_API = 'client.authentication.k8s.io/v1';

/** kubeconfig (v1 Config); JSON is YAML, too. */
export function planKubernetes({ connection, home, program }: ConnectWish): Plan {
  const { name, listener } = connection;
  const [command, ...words] = program;
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [
      {
        name,
        cluster: {
          server: `https://${listener.host}:${listener.port}/${name}`,
          ...(listener.ca === null
            ? {}
            : { 'certificate-authority-data': Buffer.from(listener.ca).toString('base64') }),
        },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: name } }],
    users: [
      {
        name,
        user: {
          exec: {
            apiVersion: EXEC_API,
            command,
            args: [...words, 'connect', name, '--exec-credential'],
            interactiveMode: 'Never',
            provideClusterInfo: false,
          },
        },
      },
    ],
  };
  const path = join(home, 'connect', `${name}.kubeconfig`);
  return {
    files: [{ path, content: `${JSON.stringify(config, null, 2)}\n` }],
    blocks: [],
    note: `kubectl --kubeconfig ${path} get pods, or: export KUBECONFIG=~/.kube/config:${path}`,
  };
}

/** What an exec plugin prints (client-go credential plugins). */
export const execCredential = ({
  token,
  expiresAt,
}: {
  readonly token: string;
  readonly expiresAt: number;
}): object => ({
  apiVersion: EXEC_API,
  kind: 'ExecCredential',
  status: { token, expirationTimestamp: new Date(expiresAt).toISOString().replace(/\.\d+Z$/, 'Z') },
});
