import ssh2, { type Client, type ClientChannel } from 'ssh2';
import { lacking } from '../../../../test/servers/available.ts';
import { protocolConformance, type ConformanceClient, type Stage } from '../../test/conformance.ts';
import { TOKEN } from './gateway.ts';
import { startStage } from './support.ts';

let names = 0;

const exec = (client: Client, command: string): Promise<ClientChannel> =>
  new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => (error === undefined ? resolve(channel) : reject(error)));
  });

async function start(sessionsMax?: number): Promise<Stage> {
  const stage = await startStage(sessionsMax === undefined ? {} : { listener: { sessionsMax } });
  const { gateway, sshd } = stage;
  const connect = (username: string, password: string): Promise<Client> =>
    new Promise((resolve, reject) => {
      const client = new ssh2.Client();
      let banner = '';
      client.on('banner', (text) => (banner += text));
      client.on('error', () => undefined);
      client.once('close', () => reject(new Error(banner === '' ? 'the login failed' : banner)));
      client.once('ready', () => resolve(client));
      client.connect({ host: gateway.host, port: gateway.port, username, password });
    });
  return {
    gateway,
    async logIn(): Promise<ConformanceClient> {
      const client = await connect('main', TOKEN);
      const closed = new Promise<void>((resolve) => {
        client.once('close', () => resolve());
      });
      return {
        async print(text) {
          const channel = await exec(client, `echo ${text}`);
          return await new Promise((resolve) => {
            let [output, error] = ['', ''];
            channel.on('data', (bytes: Buffer) => (output += bytes.toString()));
            channel.stderr.on('data', (bytes: Buffer) => (error += bytes.toString()));
            channel.once('close', () => resolve({ output, error }));
          });
        },
        async runForever() {
          const command = `sleep ${920_000 + process.pid * 10 + (names += 1)}`;
          await exec(client, command);
          return { running: () => Promise.resolve(sshd.processesRunning(command).length > 0), gone: closed };
        },
        async receive(bytes) {
          const channel = await exec(client, `head -c ${bytes} /dev/zero`);
          return await new Promise((resolve) => {
            let count = 0;
            channel.on('data', (piece: Buffer) => (count += piece.length));
            channel.once('close', () => resolve(count));
          });
        },
        vanish: () => client.destroy(),
        async close() {
          client.end();
          await closed;
        },
      };
    },
    async failToLogIn(how) {
      try {
        (await connect(how === 'wrong' ? 'main' : how, how === 'wrong' ? 'guess' : TOKEN)).end();
        return '';
      } catch (error) {
        return (error as Error).message;
      }
    },
    loseTarget: () => {
      // The server's side of the connection: the child that serves it.
      const [, , marker] = gateway.sessions.at(-1)!.opening.targetSession!.split('@');
      sshd.killConnection(Number(marker!.split(' ')[1]));
      return Promise.resolve();
    },
    async stop() {
      stage.clients.close();
      if (sessionsMax === undefined) await gateway.stop();
      await sshd.stop();
    },
  };
}

protocolConformance('ssh', { skip: lacking('sshd', 'ssh'), start: () => start(), startSmall: start });
