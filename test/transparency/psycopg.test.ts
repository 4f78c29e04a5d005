/** psycopg, direct and through the gateway: parameters, prepared statements, pipelines, COPY, server-side cursors, notifications, errors. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { lacking } from '../servers/available.ts';
import { pythonPackages } from '../servers/python-packages.ts';
import { startPair, type Pair } from './support/pair.ts';
import type { Endpoint } from './support/raw-session.ts';

/** A client that hangs must not hang the suite. */
const RUN_MS_MAX = 120_000;

const CONVERSATION = `
import logging, sys, psycopg
# How much of a broken pipeline is still under way when it ends, and whether psycopg warns of that, is a matter of time.
logging.getLogger('psycopg').setLevel(logging.ERROR)
host, port, user, password, database = sys.argv[1:]
heard = []
def ask(connection, text, values=None, **options):
    try:
        cursor = connection.execute(text, values, **options)
        heard.append((cursor.statusmessage, cursor.fetchall() if cursor.description else None))
    except psycopg.Error as error:
        heard.append((error.sqlstate, str(error)))
where = dict(host=host, port=port, user=user, password=password, dbname=database, sslmode='disable')
with psycopg.connect(**where, autocommit=True) as connection:
    connection.add_notice_handler(lambda notice: heard.append(notice.message_primary))
    ask(connection, 'select %s::int + 1, %s::text, %s::jsonb', (41, 'x', '{"a": [1]}'))
    for number in range(8):
        ask(connection, 'select name from customers where id = %s', (number + 1,), prepare=True)
    ask(connection, 'select * from customers where id = any (%s) order by id', ([1, 2, 3],), binary=True)
    ask(connection, 'select * from nowhere')
    ask(connection, 'select 1 / %s', (0,))
    ask(connection, "do $$ begin raise notice 'heard'; end $$")
    with connection.pipeline():
        cursors = [connection.execute('select %s::int * 2', (number,)) for number in range(20)]
        heard.append([cursor.fetchone() for cursor in cursors])
    try:
        with connection.pipeline():
            connection.execute('select 1')
            connection.execute('select 1 / 0')
            connection.execute('select 2')
    except psycopg.Error as error:
        heard.append(error.sqlstate)
    with connection.transaction():
        ask(connection, 'create temp table copied (n int, v text)')
        with connection.cursor().copy('copy copied from stdin') as copy:
            for number in range(2000):
                copy.write_row((number, 'v' * (number % 50)))
        with connection.cursor().copy('copy (select * from copied order by n) to stdout') as copy:
            heard.append(sum(len(part) for part in copy))
        with connection.cursor(name='wide') as cursor:
            cursor.itersize = 300
            cursor.execute('select n from copied order by n')
            heard.append(sum(row[0] for row in cursor))
    try:
        with connection.transaction():
            connection.execute("insert into audit_log (what) values ('never')")
            with connection.transaction():
                connection.execute('select 1 / 0')
    except psycopg.Error as error:
        heard.append(error.sqlstate)
    ask(connection, "select count(*) from audit_log where what = 'never'")
    ask(connection, 'listen there')
    ask(connection, "notify there, 'payload'")
    heard.append([(n.channel, n.payload) for n in connection.notifies(timeout=10, stop_after=1)])
for line in heard:
    print(line)
`;

interface Ran {
  readonly stdout: string;
  readonly stderr: string;
}

/** Not spawnSync: the gateway runs in this process. */
const runAside = (bin: string, { host, port, user, password, database }: Endpoint): Promise<Ran> =>
  new Promise((resolve) => {
    const words = ['-c', CONVERSATION, host, String(port), user, password, database];
    execFile(join(bin, 'python'), words, { timeout: RUN_MS_MAX }, (_error, stdout, stderr) =>
      resolve({ stdout, stderr }),
    );
  });

describe('psycopg', { skip: lacking('python3') }, () => {
  let pair: Pair;
  let bin: string | undefined;
  before(async () => {
    bin = pythonPackages('python-postgres-1', ['psycopg[binary]==3.3.9']);
    pair = await startPair();
  });
  after(() => pair.stop());

  it('hears the same', async (context) => {
    if (bin === undefined) {
      assert.equal(process.env['CI'], undefined, 'CI is set, and psycopg cannot be installed here');
      context.skip('psycopg cannot be installed here');
      return;
    }
    const direct = await runAside(bin, pair.direct);
    assert.equal(direct.stderr, '');
    const through = await runAside(bin, pair.through);
    assert.deepEqual(through, direct);
    assert.ok(direct.stdout.split('\n').length > 20, direct.stdout);
  });
});
