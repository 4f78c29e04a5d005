/** Every command as a user runs it: the real program against an installation that it started itself, with a real PostgreSQL. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startTarget, type TestTarget } from '../../main/test/support/target.ts';
import type { Hit } from '../../schemas/api/events.ts';
import type { IncidentAnswer } from '../../schemas/api/incidents.ts';
import type { ReloadAnswer } from '../../schemas/api/reload.ts';
import type { SessionSummary } from '../../schemas/api/sessions.ts';
import type { IssueTokenAnswer } from '../../schemas/api/tokens.ts';
import { until } from '../../test/support/until.ts';
import { PATIENCE, readLines, start, startInstallation, type Ended, type Installation } from './support.ts';

const split = (words: string): string[] => words.split(' ');
const NO_STACK = /\n\s+at .+:\d+/;

describe('cli: commands', { timeout: 600_000 }, () => {
  let target: TestTarget;
  let here: Installation;
  const file = (name: string, text: string): string => {
    const path = join(here.folder, name);
    writeFileSync(path, text);
    return path;
  };
  /** Expects a refusal: exit code, code of the error, and no stack. */
  const refused = async (words: readonly string[], exit: number, code: string): Promise<Ended> => {
    const ended = await here.run(words);
    assert.equal(ended.code, exit, `${words.join(' ')}: ${ended.out}${ended.err}`);
    assert.ok(ended.err.startsWith(`${code}: `), `${words.join(' ')}: ${ended.err}`);
    assert.ok(ended.err.trim().includes('\n'), 'says what to do');
    assert.doesNotMatch(ended.err, NO_STACK);
    return ended;
  };
  const says = async (words: readonly string[], expected: RegExp, options = {}): Promise<string> => {
    const { code, out, err } = await here.run(words, options);
    assert.equal(code, 0, `${words.join(' ')}: ${err}`);
    assert.match(out, expected);
    return out;
  };
  const sql = (text: string, ...words: string[]): Promise<Ended> =>
    here.run(['sql', 'sample', '-c', text, ...words]);

  before(async () => {
    target = await startTarget();
    here = await startInstallation();
    const { host, port, options } = target.connection;
    await says(
      [
        ...split(`connection add sample --host ${host} --port ${port} --tls disable`),
        ...split(`--database ${(options as { database: string }).database}`),
        ...split(`--role ${target.credential.username} --password-env TARGET_PASSWORD`),
      ],
      /connection check sample/,
      { environment: { TARGET_PASSWORD: target.credential.password } },
    );
  });
  after(async () => {
    const ended = await here?.stop();
    await target?.stop();
    assert.equal(ended?.code, 0, ended?.err);
  });

  it('help and mistakes on the command line', async () => {
    const help = await says(['--help'], /Exit codes: 0 done/);
    const named =
      'up run config connection token session event detection incident lockout playbook rule exercise backtest sql completion identity reload';
    for (const name of split(named)) assert.match(help, new RegExp(`^  ${name} `, 'm'));
    await says(['session', 'replay', '--help'], /exact bytes/);
    await refused(['frob'], 2, 'CLI_USAGE');
    await refused(['token', 'issue'], 2, 'CLI_USAGE');
    await refused(['token', 'issue', '--subject', 'x', '--ttl', 'soon'], 2, 'CLI_BAD_DURATION');
    await refused(['event', 'search', '--since', 'then'], 2, 'CLI_BAD_TIME');
    const { code, err } = await here.run(['session', 'show', 'none', '--json']);
    const error = JSON.parse(err) as Record<string, string>;
    assert.deepEqual([code, error['code']], [3, 'CONTROL_API_NOT_FOUND']);
    assert.ok(error['hint'] !== undefined && error['hint'] !== '');
  });

  it('finds the control API, or says why not', async () => {
    const nobody = await start(['session', 'ls'], {
      environment: { COUNTERSIGN_DATA_FOLDER: '/nonexistent' },
    }).ended;
    assert.deepEqual([nobody.code, nobody.err.split(':')[0]], [5, 'CLI_NO_API']);
    const away = await start(['session', 'ls'], {
      environment: { COUNTERSIGN_API: 'http://127.0.0.1:1', COUNTERSIGN_API_TOKEN: 'x' },
    }).ended;
    assert.deepEqual([away.code, away.err.split(':')[0]], [5, 'CLI_UNREACHABLE']);
    const url = /Control API:\s+(\S+)/.exec(here.log())![1]!;
    const stranger = await here.run(['session', 'ls'], {
      environment: { COUNTERSIGN_API: url, COUNTERSIGN_API_TOKEN: 'x' },
    });
    assert.deepEqual([stranger.code, stranger.err.split(':')[0]], [4, 'CONTROL_API_UNAUTHENTICATED']);
    await says(['status'], /ready\s+yes\n.*\n?.*detectors\s+ready/s);
  });

  it('connection', async () => {
    await says(['connection', 'check', 'sample'], /ok {3}connect.*\nok {3}credential/);
    await says(['connection', 'ls'], /^sample\s+postgres\s+127\.0\.0\.1:\d+/m);
    const password = file('password', 'secret of the target\n');
    const words = ['connection', 'add', 'other', '--host', '127.0.0.1', '--port', '1', '--role', 'r'];
    await says([...words, '--tls', 'disable', '--password-file', password], /^connection\s+other/m);
    const shown = await says(['connection', 'show', 'other'], /^target\s+127\.0\.0\.1:1$/m);
    assert.ok(!shown.includes('secret'));
    assert.equal((await here.run(['connection', 'check', 'other'])).code, 1);
    await refused([...words, '--password-env', 'NOT_SET'], 2, 'CLI_NO_PASSWORD');
    await refused([...words, '--protocol', 'gopher'], 2, 'CONNECTION_PROTOCOL_UNKNOWN');
    await says(['connection', 'rm', 'other'], /removed/);
    await refused(['connection', 'rm', 'other'], 3, 'CONTROL_API_NOT_FOUND');
    await refused(['connection', 'show', 'other'], 3, 'CLI_NO_CONNECTION');
  });

  it('identity and token', async () => {
    await says(
      ['identity', 'put', 'bot', '--kind', 'service_account', '--groups', 'a,b', '--break-glass'],
      /^groups\s+a, b$/m,
    );
    await says(['identity', 'put', 'bot', '--attribute', 'team=x'], /^team\s+x$/m);
    const issued = await here.json<IssueTokenAnswer>('token', 'issue', '--subject', 'bot');
    assert.match(issued.token, /^cst_/);
    const kept = await here.json<Record<string, unknown>>('identity', 'show', 'bot');
    assert.deepEqual(
      [kept['kind'], kept['groups'], kept['breakGlass'], kept['attributes']],
      ['service_account', ['a', 'b'], true, { team: 'x' }],
      'to issue a token changes nothing about its account',
    );
    await says(['identity', 'ls'], /^countersign\/bot\s+service_account/m);
    await refused(['identity', 'show', 'nobody'], 3, 'CLI_NO_IDENTITY');
    await refused(['identity', 'put', 'x', '--attribute', 'y'], 2, 'CLI_USAGE');
    await says(['token', 'issue', '--subject', 'bot', '--ttl', '5m'], /User name: bot#/);
    const id = issued.summary.tokenId;
    await says(['token', 'ls', '--identity', 'bot', '--live'], new RegExp(`^${id}`, 'm'));
    await says(['token', 'revoke', id, '--reason', 'test'], /revoked/);
    const live = await says(['token', 'ls', '--identity', 'bot', '--live'], /TOKEN/);
    assert.ok(!live.includes(id));
    await refused(['token', 'revoke', 'none', '--reason', 'test'], 3, 'CONTROL_API_NOT_FOUND');
    const login = await here.run(['sql', 'sample', '--subject', 'bot', '-c', 'select 1'], {
      environment: { COUNTERSIGN_TOKEN: issued.token },
    });
    assert.deepEqual([login.code, login.err.split(':')[0]], [4, 'CLI_LOGIN_FAILED']);
  });

  it('sql: one statement, a script, errors, a token of one’s own', async () => {
    const one = await sql("select 1 as one, null as nothing, '2026-01-02'::date as day");
    assert.deepEqual(
      [one.code, one.out],
      [0, 'one  nothing  day\n1             2026-01-02\n(1 row)\n'],
      one.err,
    );
    const json = await sql('select 1 as one, true as yes, null as nothing', '--json');
    assert.deepEqual((JSON.parse(json.out) as { rows: unknown }).rows, [[1, true, null]]);
    const script =
      "select\n  ';' as semicolon;\ndo $$ begin raise notice 'hello'; end $$;\n-- a comment;\nselect 2\n";
    const several = await here.run(['sql', 'sample'], { input: script });
    assert.equal(several.code, 0, several.err);
    assert.equal(several.out, 'semicolon\n;\n(1 row)\nDO\n?column?\n2\n(1 row)\n');
    assert.equal(several.err, 'NOTICE: hello\n');
    const quit = await here.run(['sql', 'sample'], { input: 'select 1;\n\\q\nselect 2;\n' });
    assert.equal(quit.out, '?column?\n1\n(1 row)\n');
    const wrong = await here.run(['sql', 'sample'], {
      input: "select * from nosuch;\nselect count(1, 2);\nselect 'after' as still;\n",
    });
    assert.equal(wrong.code, 1);
    assert.match(
      wrong.err,
      /^ERROR 42P01: relation "nosuch" does not exist\nERROR 42883: .*\n(?:DETAIL: .*\n)?HINT: .+/,
    );
    assert.match(wrong.out, /^still\nafter$/m);
    const issued = await here.json<IssueTokenAnswer>(
      'token',
      'issue',
      '--subject',
      'carla',
      '--kind',
      'human',
    );
    await says(['sql', 'sample', '--subject', 'carla', '-c', 'select 3 as three'], /^3$/m, {
      environment: { COUNTERSIGN_TOKEN: issued.token },
    });
    await refused(['sql', 'nosuch', '-c', 'select 1'], 4, 'CLI_LOGIN_FAILED');
  });

  it('session and event', async () => {
    await sql('select 41 + 1 as answer', '--subject', 'dora');
    const session = await until(
      'the session is in the index',
      async () =>
        (await here.json<SessionSummary[]>('session', 'ls', '--identity', 'dora')).find(
          ({ state }) => state === 'closed',
        ),
      PATIENCE,
    );
    const id = session.sessionId;
    await says(['session', 'ls', '--limit', '1'], /^SESSION.*\n\S+\s+(closed|live)/);
    await says(['session', 'show', id], /^did\s+1 requests[^]*allow\s+none\s+select 41 \+ 1/m);
    await says(['session', 'replay', id], /> select 41 \+ 1 as answer\n.*< answer\n.*< 42\n.*< SELECT 1/);
    const { out } = await here.run(['session', 'replay', id, '--json']);
    const frames = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { stream: string; data: string });
    assert.equal(
      Buffer.from(frames[0]!.data, 'base64').toString('latin1'),
      'Q\0\0\0\x1cselect 41 + 1 as answer\0',
      'the exact bytes',
    );
    await refused(['session', 'replay', 'none'], 3, 'CONTROL_API_NOT_FOUND');
    await says(['session', 'kill', id, '--reason', 'test'], /was over already/);
    await refused(['session', 'kill', 'none', '--reason', 'test'], 3, 'CONTROL_API_NOT_FOUND');
    await says(
      ['event', 'search', '--identity', 'dora', '--oldest'],
      /session_opened.*\n.*request\s+.*allow\s+select 41 \+ 1 as answer\n.*response.*ok\s+SELECT 1 \(1 rows\)\n.*session_closed/,
    );
    const hits = await here.json<Hit[]>('event', 'search', '--kind', 'request', '--text', 'answer');
    assert.equal(hits[0]!.document['user.id'], 'countersign/dora');
    await says(['event', 'search', '--identity', 'nobody'], /^No events\.$/m);
    const { out: everything } = await here.run(['event', 'search', '--limit', '500']);
    assert.doesNotMatch(everything, /checkpoint|heartbeat/);
  });

  it('session tail begins at once, and a live session is killed', async () => {
    const following = here.start(['session', 'tail', '--identity', 'eve']);
    let told = '';
    following.child.stderr!.on('data', (text: string) => (told += text));
    await until('the tail has begun', () => told.includes('Following'), PATIENCE);
    const sleeper = here.start(['sql', 'sample', '--subject', 'eve', '-c', 'select pg_sleep(600)']);
    await until(
      'the request is in the tail',
      () => following.printed().includes('select pg_sleep'),
      PATIENCE,
    );
    const [live] = await here.json<SessionSummary[]>('session', 'ls', '--live', '--identity', 'eve');
    await says(['session', 'kill', live!.sessionId, '--reason', 'enough'], /is ended/);
    const ended = await sleeper.ended;
    assert.equal(ended.code, 1);
    assert.match(ended.err, /^FATAL 57P01: .*locked out \(session\)/);
    following.child.kill('SIGINT');
    const { code, out } = await following.ended;
    assert.equal(code, 130);
    assert.match(out, /session_opened/);
  });

  it('lockout', async () => {
    const made = await here.json<{ lockout: { lockoutId: string } }>(
      ...split('lockout create identity frank --ttl 10m --reason'),
      'left the company',
    );
    await says(['lockout', 'ls'], /identity:countersign\/frank\s+in_force/);
    const denied = await refused(
      ['sql', 'sample', '--subject', 'frank', '-c', 'select 1'],
      4,
      'CLI_LOGIN_FAILED',
    );
    assert.match(denied.err, /locked out/);
    await says(['lockout', 'release', made.lockout.lockoutId, '--reason', 'a mistake'], /released/);
    assert.equal((await sql('select 1', '--subject', 'frank')).code, 0);
    await says(['lockout', 'ls', '--all'], /countersign\/frank\s+released/);
    await refused(['lockout', 'create', 'planet', 'x', '--reason', 'y'], 2, 'CLI_USAGE');
    await refused(['lockout', 'release', 'none', '--reason', 'y'], 3, 'LOCKOUT_ABSENT');
  });

  it('event export and import, backtest', async () => {
    const history = join(here.folder, 'history.ndjson');
    await says(['event', 'export', '--output', history], /events written/);
    const lines = readLines(history).map(
      (line) => JSON.parse(line) as { time: number; body: { kind: string } },
    );
    assert.ok(lines.some(({ body }) => body.kind === 'request'));
    assert.deepEqual(
      lines.map(({ time }) => time),
      lines.map(({ time }) => time).toSorted((a, b) => a - b),
      'oldest first',
    );
    const judged = await here.run(['backtest', history]);
    assert.equal(judged.code, 0, judged.err);
    assert.match(judged.err, new RegExp(`^${lines.length} events of \\d+ identities`, 'm'));
    const since = await here.run(['backtest', '--since', '7d', '--json']);
    const last = JSON.parse(since.out.trim().split('\n').at(-1)!) as { rates: { events: number } };
    assert.ok(last.rates.events >= lines.length);
    await refused(['backtest'], 2, 'CLI_USAGE');
    await refused(['backtest', '/nonexistent'], 2, 'CLI_FILE_UNREADABLE');
    const first = readLines(history)[0]!;
    const some = file('some.ndjson', `${first}\nnot JSON\n`);
    const imported = await here.run(['event', 'import', some]);
    assert.equal(imported.code, 1);
    assert.match(imported.out, /some\.ndjson:2: .+\n1 events imported, 1 lines refused/);
    await says(['event', 'import', file('one.ndjson', `${first}\n`), '--wait'], /1 events imported/);
    const piped = await here.run(['event', 'import', '-'], { input: `${first}\n${first}\n` });
    assert.equal(piped.out, '2 events imported, 0 lines refused.\n', piped.err);
    await refused(['event', 'import', '/nonexistent'], 2, 'CLI_FILE_UNREADABLE');
    await refused(['event', 'import', here.folder], 2, 'CLI_FILE_UNREADABLE');
    const bad = await here.run(['backtest', some]);
    assert.deepEqual([bad.code, /some\.ndjson:2: /.test(bad.err)], [1, true]);
  });

  it('rule test and playbook', async () => {
    await says(['rule', 'test', 'all'], /all right/);
    const rule = file('broken.yml', 'title: x\ndetection:\n  condition: nothing\n');
    const broken = await here.run(['rule', 'test', rule]);
    assert.deepEqual([broken.code, /broken\.yml:\d+: /.test(broken.out)], [1, true], broken.out);
    await says(['playbook', 'ls'], /^contain-impersonation\s+act/m);
    await says(['playbook', 'test', 'all'], /all right/);
    const playbook = file('wrong.yml', 'name: x\ntitle: x\nsteps:\n  - id: a\n    action: explode\n');
    const wrong = await here.run(['playbook', 'test', playbook]);
    assert.deepEqual([wrong.code, /wrong\.yml:\d+: /.test(wrong.out)], [1, true], wrong.out);
    await refused(['playbook', 'confirm', 'none'], 3, 'CONTROL_API_NOT_FOUND');
  });

  it('exercise, and what it leaves: detections, an incident, lockouts, steps', async () => {
    await says(['exercise', 'ls'], /^impersonation\s+contained/m);
    await refused(['exercise', 'run', 'nosuch'], 3, 'CLI_NO_EXERCISE');
    const { code, out, err } = await here.run(['exercise', 'run', 'impersonation', '--seed', '7']);
    assert.equal(code, 0, out + err);
    assert.match(out, /As it should be\.\n/);
    const incident = await until(
      'the incident is contained',
      async () =>
        (await here.json<IncidentAnswer[]>('incident', 'ls', '--open')).find(
          ({ state }) => state === 'contained',
        ),
      PATIENCE,
    );
    await says(['detection', 'ls', '--identity', incident.identities[0]!], /source-network/);
    const shown = await says(
      ['incident', 'show', incident.incidentId],
      /^severity\s+(high|critical), risk \d+/m,
    );
    for (const part of ['Detections (', 'What playbooks did', 'Lockouts', 'countersign lockout release'])
      assert.ok(shown.includes(part), part);
    await says(['playbook', 'log', '--incident', incident.incidentId], /lock_out.*done/);
    await says(['incident', 'close', incident.incidentId, '--as', 'confirmed', '--note', 'drill'], /closed/);
    await refused(['incident', 'close', incident.incidentId, '--as', 'whatever'], 2, 'CLI_USAGE');
    await refused(['incident', 'show', 'none'], 3, 'CONTROL_API_NOT_FOUND');
  });

  it('reload takes all of it, or nothing and names the mistake', async () => {
    const policy = (rules: string): string => `logLevel: info\npolicy:\n  rules:\n${rules}`;
    const allow = '    - { name: all, outcome: allow, reason: all may }\n';
    here.configure(
      policy(
        `${allow}    - { name: no-drops, actions: [drop], outcome: deny, reason: nothing is dropped }\n`,
      ),
    );
    await says(['reload'], /2 rules of the policy, 4 playbooks, \d+ detection rules/);
    const denied = await sql('drop table if exists nothing_at_all');
    assert.equal(denied.code, 1);
    assert.match(denied.err, /^ERROR 42501: .*nothing is dropped\nDETAIL: .+\nHINT: .+/);

    here.configure(policy(`${allow}    - { name: bad, networks: [nowhere], outcome: deny, reason: x }\n`));
    const mistaken = await refused(['reload'], 1, 'CLI_NOT_RELOADED');
    assert.match(mistaken.err, /countersign\.yaml:5: policy\.rules\.1: rule "bad": network "nowhere"/);
    const answer = await here.run(['reload', '--json']);
    assert.deepEqual([answer.code, (JSON.parse(answer.out) as ReloadAnswer).applied], [1, false]);
    assert.equal((await sql('drop table if exists nothing_at_all')).code, 1, 'the old policy is in force');

    here.configure(`${policy(allow)}gateway:\n  holdMs: 1234\n`);
    process.kill(here.pid, 'SIGHUP');
    await until(
      'the policy that SIGHUP read is in force',
      async () => (await sql('drop table if exists nothing_at_all')).code === 0,
      PATIENCE,
    );
    await says(['reload'], /Wait for a restart: gateway\.holdMs/);

    const rules = join(here.folder, 'rules');
    mkdirSync(rules);
    const shipped = readFileSync(
      new URL('../../detectors/rules/library/bulk-export-copy.yml', import.meta.url),
      'utf8',
    );
    const own = shipped.replace(/^id: .*$/m, 'id: 11111111-1111-4111-8111-111111111111');
    writeFileSync(join(rules, 'own.yml'), own);
    here.configure(`ruleFolders: [${rules}]\n`);
    const count = (out: string): number => Number(/(\d+) detection rules/.exec(out)![1]);
    const more = count(await says(['reload'], /detection rules/));
    writeFileSync(join(rules, 'own.yml'), own.replace(/condition: .*/, 'condition: nothing and'));
    const broken = await refused(['reload'], 1, 'CLI_NOT_RELOADED');
    assert.match(broken.err, /rules\/own\.yml:\d+: /);
    here.configure('logLevel: info\n');
    assert.equal(count(await says(['reload'], /detection rules/)), more - 1);
  });

  it('config and run say what is wrong before anything starts', async () => {
    await says(['config', 'check', here.configFile], /is right/);
    await says(['config', 'show', here.configFile], /^dataFolder: /m);
    assert.equal(typeof (await here.json<{ title: string }>('config', 'schema')).title, 'string');
    const wrong = file('wrong.yaml', 'logLevel: loud\nnosuch: 1\n');
    const checked = await here.run(['config', 'check', wrong]);
    assert.equal(checked.code, 1);
    assert.match(
      checked.out,
      /wrong\.yaml:1: logLevel: must be one of [^]*wrong\.yaml:2: nosuch: no such field/,
    );
    await refused(['up', '--config', wrong], 1, 'CONFIG_INVALID');
    await refused(['up', '--config', '/nonexistent'], 1, 'CONFIG_FILE_UNREADABLE');
    await refused(['run', 'frob'], 1, 'ROLE_UNKNOWN');
    await refused(['run', 'detectors'], 1, 'ROLE_NEEDS_CLUSTER');
    await refused(['up'], 1, 'DATA_FOLDER_IN_USE');
    assert.ok(existsSync(join(here.folder, 'data', 'api.json')), 'what runs was not disturbed');
  });
});
