/** The library's own client, on the gateway of a stage. */
import ssh2, { type Client, type ClientChannel } from 'ssh2';
import { TOKEN } from './gateway.ts';
import type { Stage } from './support.ts';

export interface Ran {
  readonly out: string;
  readonly err: string;
  readonly code: number | null;
}

export const logIn = ({ gateway }: Stage): Promise<Client> =>
  new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    client.once('error', reject);
    client.once('ready', () => {
      client.on('error', () => undefined);
      resolve(client);
    });
    client.connect({ host: gateway.host, port: gateway.port, username: 'main', password: TOKEN });
  });

/** What comes over a channel until it is closed. */
export const collect = (channel: ClientChannel): Promise<Ran> =>
  new Promise((resolve) => {
    let [out, err] = ['', ''];
    channel.on('data', (bytes: Buffer) => (out += bytes.toString()));
    channel.stderr.on('data', (bytes: Buffer) => (err += bytes.toString()));
    channel.once('close', (code: number | null) => resolve({ out, err, code }));
  });

export const exec = (client: Client, command: string, options = {}): Promise<ClientChannel> =>
  new Promise((resolve, reject) => {
    client.exec(command, options, (error, channel) =>
      error === undefined ? resolve(channel) : reject(error),
    );
  });
