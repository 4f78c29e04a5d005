import pg from 'pg';
import { startPostgres, type TestPostgres } from '../../../../test/servers/postgres.ts';
import { protocolConformance, type ConformanceClient, type Stage } from '../../test/conformance.ts';
import { libraryClient, startGateway, TOKEN } from './gateway.ts';

let shared: Promise<TestPostgres> | undefined;
let users = 0;

async function start(sessionsMax?: number): Promise<Stage> {
  shared ??= startPostgres();
  const server = await shared;
  users += 1;
  const gateway = await startGateway({
    target: server,
    credential: { username: server.user, password: server.password },
    options: { sslMode: 'disable' },
    ...(sessionsMax === undefined ? {} : { listener: { sessionsMax } }),
  });
  const admin = new pg.Client({ ...server, database: 'postgres' });
  admin.on('error', () => undefined);
  await admin.connect();
  const connect = async (database: string, password: string): Promise<pg.Client> => {
    const client = libraryClient(gateway, { password, database });
    await client.connect();
    return client;
  };
  const pidOf = (): number => Number(gateway.sessions.at(-1)!.opening.targetSession!.split('@')[0]);
  return {
    gateway,
    async logIn(): Promise<ConformanceClient> {
      const client = await connect('main', TOKEN);
      const pid = pidOf();
      return {
        async print(text) {
          try {
            const { rows } = await client.query(`select '${text}' as printed`);
            return { output: JSON.stringify(rows), error: '' };
          } catch (error) {
            const { message, detail, hint } = error as pg.DatabaseError;
            return { output: '', error: `${message} ${detail} ${hint}` };
          }
        },
        runForever() {
          const gone = client.query('select pg_sleep(600)').then(
            () => undefined,
            () => undefined,
          );
          const running = async (): Promise<boolean> => {
            const sql =
              "select 1 from pg_stat_activity where pid = $1 and query like '%pg_sleep(600)%' and state = 'active'";
            return (await admin.query(sql, [pid])).rowCount! > 0;
          };
          return Promise.resolve({ running, gone });
        },
        async receive(bytes) {
          const { rows } = await client.query(
            `select repeat('x', 1000) as piece from generate_series(1, ${Math.ceil(bytes / 1000)})`,
          );
          return rows.reduce((sum: number, row: { piece: string }) => sum + row.piece.length, 0);
        },
        vanish() {
          const { stream } = (client as unknown as { connection: { stream: { destroy(): void } } })
            .connection;
          stream.destroy();
        },
        close: () => client.end(),
      };
    },
    async failToLogIn(how) {
      try {
        await (await connect(how === 'wrong' ? 'main' : how, how === 'wrong' ? 'guess' : TOKEN)).end();
        return '';
      } catch (error) {
        return (error as Error).message;
      }
    },
    async loseTarget() {
      await admin.query('select pg_terminate_backend($1)', [pidOf()]);
    },
    async stop() {
      if (sessionsMax === undefined) await gateway.stop();
      await admin.end();
      users -= 1;
      if (users > 0) return;
      shared = undefined;
      await server.stop();
    },
  };
}

protocolConformance('postgres', { start: () => start(), startSmall: start });
