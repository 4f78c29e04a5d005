/**
 * People: `countersign login` with a real provider, real psql and ssh through what `countersign connect` wrote, renewal, logout. Every
 * command is a process of its own.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startTarget, type TestTarget } from '../../main/test/support/target.ts';
import { lacking } from '../../test/servers/available.ts';
import { visit } from '../../test/servers/identity/browser.ts';
import { startOidcProvider, type OidcProvider } from '../../test/servers/identity/oidc-provider.ts';
import { startSshd, type TestSshd } from '../../test/servers/sshd/sshd.ts';
import { until } from '../../test/support/until.ts';
import {
  cleanEnvironment,
  PATIENCE,
  start,
  startInstallation,
  type Ended,
  type Installation,
} from './support.ts';

const BROWSER = `${process.execPath} --disable-warning=ExperimentalWarning ${new URL('../../test/servers/identity/browser.ts', import.meta.url).pathname}`;

describe('cli: people log in', { skip: lacking('psql', 'ssh', 'sshd'), timeout: 600_000 }, () => {
  let provider: OidcProvider;
  let target: TestTarget;
  let sshd: TestSshd;
  let here: Installation;
  let home: string;
  let api: string;

  /** A command of a person on another machine: no data folder, a home of its own. */
  const environment = (): Record<string, string> => ({ HOME: home, BROWSER, XDG_CONFIG_HOME: '' });
  const run = (...words: string[]): Promise<Ended> =>
    start(words, { environment: environment(), cwd: home }).ended;
  const says = async (words: string, expected: RegExp): Promise<string> => {
    const { code, out, err } = await run(...words.split(' '));
    assert.equal(code, 0, `${words}: ${out}${err}`);
    assert.match(out, expected);
    return out;
  };
  const refused = async (words: string, code: string): Promise<void> => {
    const ended = await run(...words.split(' '));
    assert.notEqual(ended.code, 0, words);
    assert.ok(ended.err.includes(`${code}: `), `${words}: ${ended.err}`);
  };
  const tool = (program: string, ...words: string[]): Promise<Ended> => {
    const child = spawn(program, words, {
      env: { ...cleanEnvironment(), HOME: home },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (piece) => (out += String(piece)));
    child.stderr.on('data', (piece) => (err += String(piece)));
    return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })));
  };
  const config = (name: string): string => join(home, '.config', 'countersign', name);
  const login = (): Record<string, unknown> =>
    JSON.parse(readFileSync(config('login.json'), 'utf8')) as Record<string, unknown>;

  before(async () => {
    [provider, target, sshd] = await Promise.all([startOidcProvider(), startTarget(), startSshd()]);
    provider.people.set('alice', { name: 'Alice A.', email: 'alice@example.org', groups: ['dba', 'staff'] });
    provider.people.set('bob', { name: 'Bob', groups: [] });
    provider.person = 'alice';
    here = await startInstallation(
      [
        'access:',
        '  issuers:',
        '    - name: idp',
        '      kind: oidc',
        `      issuer: ${provider.url}`,
        `      audiences: [${provider.clientId}]`,
        '      rules:',
        '        - name: people',
        '          connections: [orders, web]',
        '  login:',
        '    issuer: idp',
        `    clientId: ${provider.clientId}`,
        '  groupScopes:',
        '    staff: [read]',
        '',
      ].join('\n'),
    );
    home = join(here.folder, 'home');
    mkdirSync(home);
    const { host, port, options } = target.connection;
    const add = await here.run(
      `connection add orders --host ${host} --port ${port} --tls disable --database ${(options as { database: string }).database} --role ${target.credential.username} --password-env TARGET_PASSWORD`.split(
        ' ',
      ),
      { environment: { TARGET_PASSWORD: target.credential.password } },
    );
    assert.equal(add.code, 0, add.err);
    const key = join(here.folder, 'target-key');
    writeFileSync(key, sshd.privateKey, { mode: 0o600 });
    api = (JSON.parse(readFileSync(join(here.folder, 'data', 'api.json'), 'utf8')) as { url: string }).url;
    const admin = JSON.parse(readFileSync(join(here.folder, 'data', 'api.json'), 'utf8')) as {
      token: string;
    };
    const put = await fetch(`${api}/v1/connections/web`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${admin.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        protocol: 'ssh',
        host: sshd.host,
        port: sshd.port,
        role: sshd.user,
        tls: 'disable',
        options: { hostKeys: sshd.hostKeys },
        credential: { privateKey: sshd.privateKey },
      }),
    });
    assert.equal(put.status, 200, await put.text());
  });
  after(async () => {
    await here?.stop();
    await Promise.all([provider?.close(), target?.stop(), sshd?.stop()]);
  });

  it('in the browser, with PKCE; groups come from the provider and give scopes', async () => {
    await refused('whoami', 'CLI_NO_API');
    await refused('logout', 'CLI_NOT_LOGGED_IN');
    await says(`login --api ${api}`, /You are idp\/alice until .*renewed by itself/);
    assert.equal(statSync(config('login.json')).mode & 0o777, 0o600);
    const who = JSON.parse(await says('whoami --json', /idp/)) as { subject: string; scopes: string[] };
    assert.deepEqual(who, { subject: 'idp/alice', scopes: ['read'] });
    await says('session ls', /./);
    await refused('reload', 'CONTROL_API_FORBIDDEN');
  });

  it('psql and ssh, unmodified, through what connect wrote; nothing of others is touched', async () => {
    const own = '# mine\n[other]\nhost=elsewhere\n';
    writeFileSync(join(home, '.pg_service.conf'), own);
    mkdirSync(join(home, '.ssh'), { mode: 0o700 });
    // As people keep their dotfiles: a link.
    writeFileSync(join(home, 'ssh_config_of_mine'), 'Host elsewhere\n  User me\n', { mode: 0o644 });
    symlinkSync(join(home, 'ssh_config_of_mine'), join(home, '.ssh', 'config'));
    const shown = await says('connect orders --print', /sslmode=verify-full/);
    assert.match(shown, /service|\[orders\]/);
    assert.equal(readFileSync(join(home, '.pg_service.conf'), 'utf8'), own, '--print writes nothing');
    assert.ok(!existsSync(config('connect/orders.pgpass')));
    await says('connect orders', /psql service=orders/);
    assert.ok(readFileSync(join(home, '.pg_service.conf'), 'utf8').startsWith(own));
    assert.equal(statSync(config('connect/orders.pgpass')).mode & 0o777, 0o600);
    const query = ['-X', '-A', '-t', '-w', '-c', 'select 6 * 7', 'service=orders'];
    const asked = await tool('psql', ...query);
    assert.equal(asked.code, 0, asked.err);
    assert.equal(asked.out.trim(), '42');
    await says('connect orders', /psql/);
    assert.equal(
      readFileSync(join(home, '.pg_service.conf'), 'utf8').match(/^\[orders\]$/gm)?.length,
      1,
      'again: one entry',
    );
    await says('connect web', /ssh web/);
    // It takes the home of the account, not $HOME.
    const configFile = join(home, '.ssh', 'config');
    const hello = await tool('ssh', '-F', configFile, '-o', 'BatchMode=yes', 'web', 'echo hello from $0');
    assert.equal(hello.code, 0, hello.err);
    assert.match(hello.out, /^hello from/);
    await until(
      'both sessions are in the list',
      async () => {
        const { out } = await here.run(['session', 'ls', '--identity', 'idp/alice', '--json']);
        const found = (JSON.parse(out) as Record<string, unknown>[]).map(({ connection }) => connection);
        return found.includes('orders') && found.includes('web');
      },
      PATIENCE,
    );
    assert.match(readFileSync(join(home, 'ssh_config_of_mine'), 'utf8'), /Host elsewhere/);
    await says('connect orders --remove', /gone/);
    await says('connect web --remove', /gone/);
    assert.equal(readFileSync(join(home, '.pg_service.conf'), 'utf8'), own);
    assert.equal(readFileSync(join(home, 'ssh_config_of_mine'), 'utf8'), 'Host elsewhere\n  User me\n');
    assert.ok(!existsSync(config('connect/orders.pgpass')));
    writeFileSync(join(home, '.pg_service.conf'), `${own}[orders]\nhost=mine\n`);
    await refused('connect orders', 'CLI_CONNECT_TAKEN');
    await refused('connect nowhere', 'CONTROL_API_NOT_FOUND');
    writeFileSync(join(home, '.pg_service.conf'), own);
  });

  it('a JWT of the provider is no password of anybody else, and renewal needs nobody', async () => {
    const before = login();
    // As if its hour were over.
    writeFileSync(config('login.json'), JSON.stringify({ ...before, expiresAt: 0 }), { mode: 0o600 });
    const several = await Promise.all([
      run('whoami', '--json'),
      run('whoami', '--json'),
      run('whoami', '--json'),
    ]);
    for (const { code, err } of several) assert.equal(code, 0, err);
    const renewed = login();
    assert.notEqual(renewed['tokenId'], before['tokenId']);
    assert.notEqual(renewed['refreshToken'], before['refreshToken'], 'the provider changes it each time');
    // The provider is away: who is in goes on, and who must be renewed hears why.
    provider.setDown(true);
    await says('whoami', /idp\/alice/);
    writeFileSync(config('login.json'), JSON.stringify({ ...renewed, expiresAt: 0 }), { mode: 0o600 });
    await refused('whoami', 'CLI_PROVIDER_DOWN');
    await refused('login', 'CLI_PROVIDER_DOWN');
    provider.setDown(false);
    await says('whoami', /idp\/alice/);
  });

  it('logout ends the token everywhere, sessions that it opened included', async () => {
    await says('connect orders', /psql/);
    const asking = tool('psql', '-X', '-w', '-c', 'select pg_sleep(600)', 'service=orders');
    await until(
      'the session is live',
      async () => {
        const sessions = JSON.parse((await here.run(['session', 'ls', '--live', '--json'])).out) as Record<
          string,
          unknown
        >[];
        return sessions.find(({ identityId, state }) => identityId === 'idp/alice' && state === 'live');
      },
      PATIENCE,
    );
    const before = login();
    await says('logout', /idp\/alice is logged out/);
    const ended = await asking;
    assert.notEqual(ended.code, 0);
    assert.match(ended.err, /TOKEN_REVOKED/);
    assert.ok(!existsSync(config('login.json')));
    const again = await fetch(`${api}/v1/whoami`, {
      headers: { authorization: `Bearer ${String(before['token'])}` },
    });
    assert.equal(again.status, 403);
    await refused('whoami', 'CLI_NO_API');
  });

  it('with a code on another device; whoever has no groups may do nothing at the API', async () => {
    provider.person = 'bob';
    const waiting = start(['login', '--api', api, '--device', '--json'], {
      environment: environment(),
      cwd: home,
    });
    let told = '';
    waiting.child.stderr!.on('data', (piece) => (told += String(piece)));
    const url = await until(
      'the code is told',
      () => /Open (\S+) and enter the code/.exec(told)?.[1],
      PATIENCE,
    );
    const page = await visit(url);
    assert.match(page.text, /success|Sign-in Success/i);
    const { code, out, err } = await waiting.ended;
    assert.equal(code, 0, err);
    assert.equal((JSON.parse(out) as { identityId: string }).identityId, 'idp/bob');
    await refused('session ls', 'CONTROL_API_FORBIDDEN');
    await says('logout', /idp\/bob/);
  });

  it('accounts have owners and ends, and a review names what is to be looked at', async () => {
    const admin = async (words: string, code = 0): Promise<string> => {
      const ended = await here.run(words.split(' '));
      assert.equal(ended.code, code, `${words}: ${ended.out}${ended.err}`);
      return ended.out;
    };
    await admin('token issue --subject robot --kind service_account --ttl 40d');
    const kinds = async (): Promise<string[]> => {
      const { findings } = JSON.parse(await admin('identity review --json')) as {
        findings: { identityId: string; kind: string }[];
      };
      return findings.filter(({ identityId }) => identityId === 'countersign/robot').map(({ kind }) => kind);
    };
    assert.deepEqual((await kinds()).sort(), ['long_token', 'no_expiry', 'no_owner']);
    assert.match(await admin('identity set-owner robot idp/alice'), /idp\/alice owns countersign\/robot/);
    await admin('identity put robot --expires 90d --max-ttl 1h');
    assert.match(await admin('identity show robot'), /idp\/alice[\s\S]*3600 s/);
    assert.deepEqual(await kinds(), ['long_token']);
    const long = await here.run('token issue --subject robot --ttl 2h'.split(' '));
    assert.ok(long.err.startsWith('TOKEN_TTL_TOO_LONG: '), long.err);
    await admin('identity set-owner robot gone');
    assert.match(await admin('identity review'), /owner gone .*countersign\/gone is not known/);
    await admin('identity review --fail', 1);
    await admin('identity put robot --expires 2020-01-01');
    const over = await here.run('token issue --subject robot --ttl 10m'.split(' '));
    assert.ok(over.err.startsWith('IDENTITY_OVER: '), over.err);
  });
});
