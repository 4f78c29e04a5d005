/** Approvals as people and machines meet them: psql that waits, the page in a browser with a security key, one-time codes. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Secret, TOTP } from 'otpauth';
import { Webhook } from 'standardwebhooks';
import type pg from 'pg';
import { chromium, type Browser, type Page } from 'playwright-core';
import { createApiClient } from '../../cli/api-client.ts';
import type { Approval, Grant, RevokeAnswer } from '../../schemas/api/approvals.ts';
import type { Invitation } from '../../schemas/api/second-factors.ts';
import { lacking } from '../../test/servers/available.ts';
import { connectClient, makeLogin, type Login } from './support/clients.ts';
import { startTestInstallation, type TestInstallation } from './support/installation.ts';
import { startTarget, type TestTarget } from './support/target.ts';
import { failureOf } from './support/failure-of.ts';
import { until } from '../../test/support/until.ts';

const PERIOD_MS = 30_000;
const HOOK_KEY = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;
const SLACK_SECRET = 'signing secret of the tests';

interface Told {
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}
interface Receiver {
  readonly told: Told[];
  url(path: string): string;
  stop(): void;
}
/** What a chat or a webhook's receiver is sent. */
async function startReceiver(): Promise<Receiver> {
  const told: Told[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (piece: Buffer) => void (body += piece.toString()));
    request.on('end', () => {
      told.push({ path: request.url!, headers: request.headers as Record<string, string>, body });
      response.end('ok');
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return { told, url: (path) => `http://127.0.0.1:${port}${path}`, stop: () => void server.close() };
}
const BROWSER = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
];

describe('approvals', { skip: lacking('psql', 'chromium'), timeout: 300_000 }, () => {
  let target: TestTarget;
  let installation: TestInstallation;
  let observer: pg.Client;
  let browser: Browser;
  let folder: string;
  let job: Login;
  let ann: Login;
  let bob: Login;
  let receiver: Receiver;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'approvals-'));
    receiver = await startReceiver();
    target = await startTarget();
    observer = await target.direct();
    await observer.query('set role app');
    const connection = {
      ...target.connection,
      options: { ...target.connection.options, grantCredential: 'connections/sample/grants' },
    };
    installation = await startTestInstallation(
      { ...target, connection },
      {
        COUNTERSIGN_ACCESS__GROUP_SCOPES: '{ senior: [read, approve] }',
        COUNTERSIGN_APPROVALS__NOTIFY: JSON.stringify([
          { kind: 'webhook', name: 'hook', url: { env: 'HOOK_URL' }, signingKey: { env: 'HOOK_KEY' } },
          {
            kind: 'slack',
            name: 'slack',
            url: { env: 'SLACK_URL' },
            signingSecret: { env: 'SLACK_SECRET' },
            people: { U1: 'countersign/bob' },
          },
        ]),
        HOOK_URL: receiver.url('/hook'),
        HOOK_KEY,
        SLACK_URL: receiver.url('/slack'),
        SLACK_SECRET,
        COUNTERSIGN_APPROVALS__GRANT_TEMPLATES:
          '[{ name: restore-db, connections: [sample], actions: [drop, truncate], groups: [senior] }, { name: restore-as, connections: [sample], actions: [drop], groups: [senior], targetRoles: [restorers] }]',
      },
    );
    job = await makeLogin(installation.api, 'migration', { credentialSource: 'ci/orders' });
    ann = await makeLogin(installation.api, 'ann', { kind: 'human', groups: ['senior'] });
    bob = await makeLogin(installation.api, 'bob', { kind: 'human', groups: ['senior'] });
    writeFileSync(join(folder, 'ca.pem'), installation.listener.ca ?? '');
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: BROWSER });
  });
  after(async () => {
    await browser?.close();
    await observer?.end();
    await installation?.stop();
    await target?.stop();
    receiver?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const table = async (name: string): Promise<void> => {
    await observer.query(`create table ${name} (n int)`);
  };
  const exists = async (name: string): Promise<boolean> =>
    (await observer.query('select to_regclass($1) as found', [name])).rows[0].found !== null;
  const psql = (login: Login, ...statements: string[]) => {
    const { host, port, ca } = installation.listener;
    const child = spawn(
      'psql',
      ['-X', '-v', 'ON_ERROR_STOP=1', ...statements.flatMap((statement) => ['-c', statement])],
      {
        env: {
          ...process.env,
          PGHOST: host,
          PGPORT: String(port),
          PGUSER: login.user,
          PGPASSWORD: login.token,
          PGDATABASE: 'sample',
          PGSSLMODE: ca === null ? 'disable' : 'verify-ca',
          PGSSLROOTCERT: join(folder, 'ca.pem'),
        },
      },
    );
    const said = { out: '', error: '' };
    child.stdout.on('data', (piece: Buffer) => void (said.out += piece.toString()));
    child.stderr.on('data', (piece: Buffer) => void (said.error += piece.toString()));
    const code = new Promise<number | null>((resolve) => child.on('close', resolve));
    return { said, code, interrupt: () => child.kill('SIGINT') };
  };
  const apiOf = ({ token }: Login) =>
    createApiClient({ url: installation.installation.gateway.api().url, token });
  const pending = (text: string): Promise<Approval> =>
    until('it asks', async () => {
      const { items } = await installation.api.get<{ items: Approval[] }>('/v1/approvals', {
        state: 'pending',
      });
      return items.find(({ shown }) => shown?.text.includes(text));
    });
  const invite = (login: Login): Promise<Invitation> =>
    installation.api.send<Invitation>('POST', '/v1/second-factors/invitations', {
      identity: login.identityId,
    });
  /** A browser profile with an authenticator of its own. */
  const open = async (): Promise<Page> => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const devtools = await context.newCDPSession(page);
    await devtools.send('WebAuthn.enable');
    await devtools.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    return page;
  };
  const signIn = async (page: Page, login: Login, approvalId: string): Promise<void> => {
    const { origin } = new URL(page.url());
    await page.goto('about:blank');
    await page.goto(`${origin}/approvals/${approvalId}#${login.token}`);
  };
  /** Sets up one-time codes and gives codes that were not used yet. */
  const codesOf = async (login: Login): Promise<() => string> => {
    const { code } = await invite(login);
    const { secret } = await installation.api.send<{ secret: string }>(
      'POST',
      '/v1/second-factors/codes/begin',
      { code },
    );
    const totp = new TOTP({ secret: Secret.fromBase32(secret) });
    // The step before, the present one and the next are good, each once.
    let step = Math.floor(Date.now() / PERIOD_MS) - 1;
    const next = (): string => {
      const made = totp.generate({ timestamp: step * PERIOD_MS });
      step += 1;
      return made;
    };
    await installation.api.send('POST', '/v1/second-factors/codes/finish', { code, oneTime: next() });
    return next;
  };

  it('psql of a job waits, is told what for, and goes on once a person agreed with a security key on the page', async () => {
    await table('ledger');
    await observer.query('insert into ledger select generate_series(1, 4321)');
    await observer.query('analyze ledger');
    const page = await open();
    const { page: enrolPage } = await invite(ann);
    await page.goto(enrolPage);
    await page.fill('#name', 'key of the tests');
    await page.click('#enrol-key');
    await page.waitForSelector('text=is set up');
    const waiting = psql(job, 'drop table ledger', "select 'after'");
    const approval = await pending('drop table ledger');
    await until('psql says that it waits', () => waiting.said.error.includes(approval.approvalId));
    assert.match(waiting.said.error, /NOTICE: +waiting for approval/);
    assert.equal(await exists('ledger'), true);
    await signIn(page, ann, approval.approvalId);
    await page.waitForSelector('text=drop table ledger');
    const shown = await page.textContent('main');
    const facts = ['migration', 'ci/orders', 'sample', 'data-drops-of-machines-need-a-person'];
    for (const fact of [...facts, 'public.ledger: all of about 4,300 rows'])
      assert.ok(shown?.includes(fact), fact);
    await page.fill('#reason', 'the ledger moved');
    await page.click('#agree-key');
    await page.waitForSelector('text=(webauthn)');
    assert.equal(await waiting.code, 0, waiting.said.error);
    assert.match(waiting.said.out, /DROP TABLE[^]*after/);
    assert.equal(await exists('ledger'), false);
    await page.context().close();
  });

  it('what a person refuses does not run, and the client hears which approval it was', async () => {
    await table('kept');
    const waiting = psql(job, 'drop table kept');
    const { approvalId } = await pending('drop table kept');
    await apiOf(bob).send('POST', `/v1/approvals/${approvalId}/decide`, {
      granted: false,
      reason: 'not today',
    });
    assert.notEqual(await waiting.code, 0);
    assert.match(waiting.said.error, new RegExp(`${approvalId} was refused`));
    assert.equal(await exists('kept'), true);
  });

  it('a chat is told, and a button pressed there decides where it comes from the chat and from a known person', async () => {
    await table('chatted');
    const waiting = psql(job, 'drop table chatted');
    const { approvalId } = await pending('drop table chatted');
    const told = (path: string): Promise<Told> =>
      until(`${path} is told`, () =>
        receiver.told.find(({ path: at, body }) => at === path && body.includes(approvalId)),
      );
    const hook = await told('/hook');
    new Webhook(HOOK_KEY).verify(hook.body, hook.headers);
    assert.match((await told('/slack')).body, /countersign_refuse/);
    const press = async (secret: string, user: string): Promise<{ status: number; text: string }> => {
      const payload = {
        user: { id: user },
        actions: [{ action_id: 'countersign_refuse', value: approvalId }],
      };
      const body = new URLSearchParams({ payload: JSON.stringify(payload) }).toString();
      const seconds = String(Math.floor(Date.now() / 1000));
      const signature = createHmac('sha256', secret).update(`v0:${seconds}:${body}`).digest('hex');
      const answer = await fetch(`${installation.installation.gateway.api().url}/v1/approvals/chats/slack`, {
        method: 'POST',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          'x-slack-request-timestamp': seconds,
          'x-slack-signature': `v0=${signature}`,
        },
        body,
      });
      return { status: answer.status, text: await answer.text() };
    };
    assert.equal((await press('another secret', 'U1')).status, 401);
    assert.match((await press(SLACK_SECRET, 'U2')).text, /not known here/);
    assert.match((await press(SLACK_SECRET, 'U1')).text, /refused/);
    assert.notEqual(await waiting.code, 0);
    const decided = await installation.api.get<Approval>(`/v1/approvals/${approvalId}`);
    assert.equal(decided.words[0]?.by, 'countersign/bob');
    assert.equal(await exists('chatted'), true);
  });

  it('a one-time code counts once, and too many wrong ones are stopped', async () => {
    const nextCode = await codesOf(bob);
    await table('one');
    await table('two');
    const first = psql(job, 'drop table one');
    const decide = (id: string, code: string): Promise<unknown> =>
      apiOf(bob).send('POST', `/v1/approvals/${id}/decide`, {
        granted: true,
        reason: 'agreed',
        factor: { kind: 'totp', code },
      });
    const one = await pending('drop table one');
    const none = failureOf(
      apiOf(bob).send('POST', `/v1/approvals/${one.approvalId}/decide`, { granted: true, reason: 'x' }),
    );
    assert.equal((await none).code, 'APPROVAL_FACTOR_NEEDED');
    const code = nextCode();
    await decide(one.approvalId, code);
    assert.equal(await first.code, 0, first.said.error);
    const second = psql(job, 'drop table two');
    const two = await pending('drop table two');
    assert.equal((await failureOf(decide(two.approvalId, code))).code, 'FACTOR_WRONG');
    const codes: (string | undefined)[] = [];
    for (let n = 0; n < 5; n += 1) codes.push((await failureOf(decide(two.approvalId, '000000'))).code);
    assert.equal(codes.at(-1), 'FACTOR_TOO_MANY_TRIES');
    await installation.api.send('POST', `/v1/approvals/${two.approvalId}/withdraw`, { reason: 'enough' });
    assert.notEqual(await second.code, 0);
    assert.equal(await exists('two'), true);
  });

  it("Ctrl-C ends the wait, and the requester's own word does not count", async () => {
    await table('three');
    const waiting = psql(job, 'drop table three');
    const { approvalId } = await pending('drop table three');
    const own = await failureOf(
      apiOf(job).send('POST', `/v1/approvals/${approvalId}/decide`, { granted: true, reason: 'mine' }),
    );
    assert.ok(['CONTROL_API_PEOPLE_ONLY', 'CONTROL_API_FORBIDDEN'].includes(own.code ?? ''), own.code);
    await until('psql says that it waits', () => waiting.said.error.includes(approvalId));
    waiting.interrupt();
    assert.notEqual(await waiting.code, 0);
    assert.match(waiting.said.error, /cancel/);
    assert.equal(await exists('three'), true);
  });

  it('a grant with roles has an account at the target that ends without any gateway, and is dropped when it is over', async () => {
    const cem = await makeLogin(installation.api, 'cem', { kind: 'human', groups: ['senior'] });
    const nextCode = await codesOf(cem);
    await observer.query('reset role');
    await observer.query(
      "create role restorers; grant create on schema public to restorers; create role maker login createrole password 'm'; grant restorers to maker with admin option",
    );
    await installation.installation.gateway.vault.put(
      'connections/sample/grants',
      JSON.stringify({ username: 'maker', password: 'm' }),
    );
    const asked = await installation.api.send<Approval>('POST', '/v1/grants', {
      template: 'restore-as',
      connection: 'sample',
      durationMs: 600_000,
      reason: 'restore of last night',
      identity: job.identityId,
    });
    await apiOf(cem).send('POST', `/v1/approvals/${asked.approvalId}/decide`, {
      granted: true,
      reason: 'agreed',
      factor: { kind: 'totp', code: nextCode() },
    });
    const client = await connectClient(installation.listener, job);
    let ended = false;
    client.once('end', () => void (ended = true));
    const { rows } = await client.query('select current_user as name');
    const { name } = rows[0] as { name: string };
    assert.match(name, /^countersign_[0-9a-f]{32}$/);
    await client.query('create table restored (n int)');
    const role = await observer.query(
      'select rolvaliduntil::text as until, rolsuper, pg_has_role(oid, $2, $3) as member from pg_roles where rolname = $1',
      [name, 'restorers', 'member'],
    );
    assert.equal(role.rows[0].rolsuper, false);
    assert.equal(role.rows[0].member, true);
    const until600 = Date.parse(role.rows[0].until as string) - Date.now();
    assert.ok(until600 > 0 && until600 <= 600_000);
    const { items } = await installation.api.get<{ items: Grant[] }>('/v1/grants', { active: true });
    const grant = items.find(({ targetRole }) => targetRole === name)!;
    await installation.api.send('POST', `/v1/grants/${grant.grantId}/end`, { reason: 'done' });
    await until('its session ends', () => ended);
    await until('the account is dropped', async () => {
      const left = await observer.query('select 1 from pg_roles where rolname = $1', [name]);
      return left.rowCount === 0;
    });
    const owner = await observer.query(
      "select pg_get_userbyid(relowner) as owner from pg_class where relname = 'restored'",
    );
    assert.equal(owner.rows[0].owner, 'restorers', 'what was restored stays');
    await observer.query('set role app');
  });

  it('a grant opens what its template names until it is revoked, and then its sessions end', async () => {
    const nextCode = await codesOf(ann);
    await table('four');
    await table('five');
    const waiting = psql(job, 'drop table five');
    const held = await pending('drop table five');
    const asked = await installation.api.send<Approval>('POST', '/v1/grants', {
      template: 'restore-db',
      connection: 'sample',
      durationMs: 600_000,
      reason: 'restore of last night',
      ticket: 'OPS-7',
      identity: job.identityId,
    });
    await apiOf(ann).send('POST', `/v1/approvals/${asked.approvalId}/decide`, {
      granted: true,
      reason: 'agreed',
      factor: { kind: 'totp', code: nextCode() },
    });
    const { items } = await installation.api.get<{ items: Grant[] }>('/v1/grants', { active: true });
    assert.equal(items[0]?.ticket, 'OPS-7');
    assert.equal(await waiting.code, 0, 'what was held goes on under it');
    const approvalOf = () => installation.api.get<Approval>(`/v1/approvals/${held.approvalId}`);
    await until('nobody has to decide it', async () => (await approvalOf()).state === 'withdrawn');
    const client = await connectClient(installation.listener, job);
    let ended = false;
    client.once('end', () => void (ended = true));
    await client.query('drop table four');
    assert.equal(await exists('four'), false);
    const { approvals } = await installation.api.send<RevokeAnswer>('POST', '/v1/approvals/revoke', {
      since: 0,
      identity: job.identityId,
      reason: 'impersonated',
    });
    assert.ok(approvals.includes(asked.approvalId));
    await until('its session ends', () => ended);
  });
});
