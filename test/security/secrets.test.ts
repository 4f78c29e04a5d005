/** No secret that the gateway holds, issues or sees in a command stands in an event, log, recording, error, figure or file. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { createCodec } from '../../schemas/codec.ts';
import { startAttacked, VICTIMS, type AttackedInstallation, type Login } from './installation.ts';
import { until } from '../support/until.ts';

const codec = createCodec('session-event');
let attacked: AttackedInstallation;
let person: Login;
/** By where it comes from. */
const secrets = new Map<string, string>();
const errors: string[] = [];
let number = 0;
/** A secret that is like no other text. */
const secret = (from: string): string => {
  number += 1;
  const value = `Zq${number}xSecret${number}Value${number * 7919}`;
  secrets.set(from, value);
  return value;
};

async function run(client: pg.Client, sql: string, values?: readonly unknown[]): Promise<void> {
  await client.query(sql, values === undefined ? undefined : [...values]).catch((error: Error) => {
    errors.push(error.message);
  });
}

before(async () => {
  attacked = await startAttacked();
  await attacked.direct.query(VICTIMS);
  person = await attacked.login('person', 'human');
  const machine = await attacked.login('machine', 'service_account');
  const client = attacked.client(person);
  await client.connect();
  const w = secret;
  await run(client, `alter role victim_role password '${w('ALTER ROLE PASSWORD')}'`);
  await run(client, `alter role victim_role password E'${w('PASSWORD in an escape string')}'`);
  await run(client, `alter role victim_role password $x$${w('PASSWORD in dollar quotes')}$x$`);
  await run(client, `alter user victim_role with encrypted password U&'${w('PASSWORD in Unicode quotes')}'`);
  await run(
    client,
    `create role victim_new login password '${w('CREATE ROLE PASSWORD')}' valid until 'infinity'; drop role victim_new`,
  );
  await run(
    client,
    `ALTER USER victim_role PASSWORD 'SCRAM-SHA-256$4096:c2FsdHNhbHQ=$${w('psql \\password')}:x'`,
  );
  await run(
    client,
    `alter role victim_role pasword '${w('a mistake beside PASSWORD')}' password '${w('PASSWORD that does not parse')}'`,
  );
  await run(client, `alter role victim_role password '${w('PASSWORD that does not end')}`);
  await run(
    client,
    `create extension if not exists postgres_fdw; create server victim_server foreign data wrapper postgres_fdw; create user mapping for public server victim_server options (user 'x', password '${w('user mapping')}')`,
  );
  await run(client, `select * from dblink('host=x user=y password=${w('dblink')}', 'select 1') as t (a int)`);
  await run(
    client,
    `create subscription victim_sub connection 'host=x password=${w('subscription')}' publication p with (connect = false)`,
  );
  await run(client, `select 'postgresql://user:${w('URL')}@host/database'`);
  await run(client, `select $1::text as password`, [w('bound value')]);
  await run(
    client,
    `do $$ begin execute 'alter role victim_role password ''${w('PASSWORD in a DO block')}'''; end $$`,
  );
  await run(client, `prepare p as select 1; -- password '${w('comment')}'`);
  await run(
    client,
    `explain update victim set word = '${w('password column')}' where word = 'x' /* api_key = '${w('key in a comment')}' */`,
  );
  await run(client, `select set_config('app.api_key', '${w('set_config of a key')}', false)`);
  await run(client, `set app.secret_token = '${w('SET of a token')}'`);
  // A token of our own where it does not belong.
  await run(client, `select '${machine.token}'`);
  await run(client, `select ${machine.token}`);
  await run(client, `insert into victim (id, word) values (100, '${machine.token}')`);
  await client.end();
  secrets.delete('password column');
  for (const change of [
    { user: machine.token },
    { user: machine.user, password: 'wrong' },
    { user: 'x', password: machine.token },
    { database: machine.token },
    { application_name: machine.token },
  ]) {
    const wrong = new pg.Client({
      host: attacked.listener.host,
      port: attacked.listener.port,
      user: machine.user,
      password: machine.token,
      database: 'root',
      ssl: { ca: attacked.listener.ca, servername: 'localhost' },
      ...change,
    });
    wrong.on('error', () => undefined);
    await wrong.connect().catch((error: Error) => errors.push(error.message));
    await wrong.end().catch(() => undefined);
  }
  for (const path of [`/v1/tokens?token=${machine.token}`, `/v1/sessions/${machine.token}`])
    await attacked.api.get(path).catch((error: Error) => errors.push(error.message));
  secrets.set('token of a person', person.token);
  secrets.set('token of a machine', machine.token);
  secrets.set('token of the administrator', attacked.installation.tokens.admin);
  secrets.set('token of the responders', attacked.installation.tokens.responder);
  secrets.set('password of the superuser', attacked.superuserPassword);
  const sample = await attacked.installation.gateway.vault.get('connections/sample');
  secrets.set('password of the sample account', (JSON.parse(sample!.value) as { password: string }).password);
  secrets.set(
    'the audit key',
    (await attacked.installation.gateway.vault.get('gateway/gateway-1/audit-key'))?.value ??
      'no such key at this path',
  );
  secrets.set('the HMAC key', (await attacked.installation.gateway.vault.get('gateway/hmac-key'))!.value);
});
after(() => attacked?.stop());

const found = (text: string, except: readonly string[] = []): string[] =>
  [...secrets]
    .filter(([from, value]) => !except.includes(from) && text.includes(value))
    .map(([from]) => from);

const exported = async (): Promise<string[]> => {
  const lines: string[] = [];
  for await (const line of attacked.api.lines('/v1/audit/events', {}, new AbortController().signal))
    lines.push(line);
  return lines.slice(1);
};

test('events hold no secret, and the commands that had them are there', async () => {
  let text = '';
  await until('the session is closed', async () => {
    const events = (await exported()).map((line) => {
      const read = codec.decode(Buffer.from((JSON.parse(line) as { event: string }).event, 'base64'));
      assert.ok(read.ok);
      return JSON.stringify(codec.toJson(read.value));
    });
    text = events.join('\n');
    return events.filter((event) => event.includes('session_closed')).length >= 2;
  });
  assert.ok(
    text.includes('user mapping') && text.includes('alter role victim_role') && text.includes('hmac:'),
  );
  assert.deepEqual(found(text), []);
});

test('recordings hold no secret but what the client received', async () => {
  const { items } = await attacked.api.get<{ items: { sessionId: string; requests: number }[] }>(
    '/v1/sessions?state=all',
  );
  let pieces = 0;
  const out: string[] = [];
  for (const { sessionId, requests } of items) {
    if (requests === 0) continue;
    const before = pieces;
    await until('the recording is stored', async () => {
      try {
        const path = `/v1/sessions/${sessionId}/recording`;
        for await (const line of attacked.api.lines(path, {}, new AbortController().signal)) {
          const { stream, data } = JSON.parse(line) as { stream: string; data: string };
          pieces += 1;
          out.push(stream === 'problem' ? '' : `${stream} ${Buffer.from(data, 'base64').toString('latin1')}`);
        }
      } catch (error) {
        if ((error as { code?: string }).code !== 'CONTROL_API_NOT_FOUND') throw error;
      }
      return pieces > before;
    });
  }
  assert.ok(pieces > 20);
  // What a client selects it also receives; that is in the answer, not in what it sent.
  const sent = out.filter((piece) => piece.startsWith('in'));
  assert.ok(sent.length > 10);
  assert.deepEqual(found(sent.join('\n'), ['bound value']), []);
});

test('errors, figures, the log and the process list hold no secret', async () => {
  assert.ok(errors.length > 5);
  assert.deepEqual(
    found(errors.join('\n'), ['token of a machine', 'PASSWORD that does not end']),
    [],
    'errors',
  );
  const metrics = await fetch(`${attacked.apiUrl}/metrics`, {
    headers: { authorization: `Bearer ${attacked.installation.tokens.admin}` },
  });
  assert.deepEqual(found(await metrics.text()), [], 'figures');
  assert.deepEqual(found(readFileSync(attacked.logFile, 'utf8')), [], 'log');
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
      } catch {
        return '';
      }
    });
  assert.deepEqual(found(processes.join('\n')), [], 'process list');
});

test('the data folder holds no secret in the clear but where it says so, and is closed to others', async () => {
  await attacked.installation.stop(2000);
  const folder = join(attacked.folder, 'data');
  /** Made to be read by their owner: the API's address and token, the key of the vault, the sample target's superuser. */
  const told = new Map([
    ['api.json', ['token of the administrator']],
    ['sample-superuser', ['password of the superuser']],
  ]);
  assert.equal(statSync(folder).mode & 0o077, 0, 'the folder itself');
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !entry.parentPath.includes('sample-postgres'),
  );
  assert.ok(files.length > 10);
  const open: string[] = [];
  for (const { parentPath, name } of files) {
    const file = join(parentPath, name);
    assert.deepEqual(found(readFileSync(file, 'latin1'), told.get(name)), [], file);
    if ((statSync(file).mode & 0o077) !== 0 && name !== 'loopback.crt')
      open.push(file.slice(folder.length + 1));
  }
  const keys = ['api.json', 'vault.key', 'loopback.key', 'sample-superuser', 'control.sqlite'];
  assert.deepEqual(
    open.filter((file) => keys.includes(file)),
    [],
    'files that others may read',
  );
});
