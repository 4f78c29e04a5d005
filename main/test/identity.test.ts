/** Outside credentials on a whole installation, with real clients: CI jobs with psql, agents, JSON web tokens with ssh, a provider that is away. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startIssuer, type TestIssuer } from '../../gateway/access/test/support/issuer.ts';
import type { ExchangeAnswer } from '../../schemas/api/exchange.ts';
import { createSystemClock } from '../../platform/clock/system-clock.ts';
import { lacking } from '../../test/servers/available.ts';
import { startSshd, type TestSshd } from '../../test/servers/sshd/sshd.ts';
import { startTestInstallation, type TestInstallation } from './support/installation.ts';
import { startTarget, type TestTarget } from './support/target.ts';
import { until } from '../../test/support/until.ts';

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}
type Document = Readonly<Record<string, unknown>>;

const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
const clock = createSystemClock();

describe(
  'identity on a whole installation',
  { skip: lacking('psql', 'ssh', 'sshd'), timeout: 600_000 },
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-test-identity-'));
    let issuer: TestIssuer;
    let agents: TestIssuer;
    let target: TestTarget;
    let sshd: TestSshd;
    let installation: TestInstallation;

    const seconds = (): number => Math.floor(clock.now() / 1000);
    const idToken = (extra: Record<string, unknown> = {}): Promise<string> =>
      issuer.sign({
        iss: issuer.url,
        aud: 'countersign',
        sub: 'repo:acme/shop:environment:production',
        repository: 'acme/shop',
        environment: 'production',
        run_id: '4711',
        actor: 'alice',
        jti: clock.monotonicUs().toString(),
        iat: seconds(),
        exp: seconds() + 600,
        ...extra,
      });
    const person = (): Promise<string> =>
      agents.sign({
        iss: agents.url,
        aud: 'countersign',
        sub: 'alice',
        kind: 'person',
        iat: seconds(),
        exp: seconds() + 600,
      });
    const exchange = async (fields: Record<string, string>): Promise<ExchangeAnswer> => {
      const response = await fetch(`${installation.installation.gateway.api().url}/v1/tokens/exchange`, {
        method: 'POST',
        body: new URLSearchParams({ grant_type: GRANT, ...fields }),
      });
      const body = await response.text();
      assert.equal(response.status, 200, body);
      return JSON.parse(body) as ExchangeAnswer;
    };
    const run = (
      program: string,
      words: readonly string[],
      environment: Record<string, string>,
    ): Promise<Ran> => {
      const child = spawn(program, words, {
        env: { ...process.env, ...environment },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let [out, err] = ['', ''];
      child.stdout.on('data', (bytes) => (out += String(bytes)));
      child.stderr.on('data', (bytes) => (err += String(bytes)));
      return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })));
    };
    const psql = (user: string, password: string, sql: string): Promise<Ran> => {
      const { host, port, ca } = installation.listener;
      const root = join(folder, 'root.crt');
      writeFileSync(root, ca ?? '');
      return run(
        'psql',
        [
          '-X',
          '-A',
          '-t',
          '-w',
          '-c',
          sql,
          `host=${host} port=${port} dbname=sample sslmode=verify-full sslrootcert=${root}`,
        ],
        { PGUSER: user, PGPASSWORD: password },
      );
    };
    /** As OpenSSH reads a password without a terminal. */
    const ssh = (password: string, command: string): Promise<Ran> => {
      const { host, port, hostKeys } = installation.installation.gateway.listener('ssh')!;
      const known = join(folder, 'known_hosts');
      writeFileSync(
        known,
        hostKeys!
          .filter((line) => !line.startsWith('@'))
          .map((line) => `[${host}]:${port} ${line}\n`)
          .join(''),
      );
      const ask = join(folder, 'ask');
      writeFileSync(ask, '#!/bin/sh\nprintf "%s\\n" "$TEST_PASSWORD"\n', { mode: 0o700 });
      return run(
        'ssh',
        [
          '-F',
          '/dev/null',
          '-o',
          `UserKnownHostsFile=${known}`,
          '-o',
          'PreferredAuthentications=password',
          '-o',
          'NumberOfPasswordPrompts=1',
          '-p',
          String(port),
          '-l',
          'web',
          host,
          command,
        ],
        { SSH_ASKPASS: ask, SSH_ASKPASS_REQUIRE: 'force', DISPLAY: ':0', TEST_PASSWORD: password },
      );
    };
    const events = async (identity: string, action: string): Promise<Document[]> => {
      const { items } = await installation.api.get<{ items: readonly { document: Document }[] }>(
        '/v1/events',
        {
          identity,
        },
      );
      return items.map(({ document }) => document).filter((document) => document['event.action'] === action);
    };

    before(async () => {
      [issuer, agents, target, sshd] = await Promise.all([
        startIssuer(),
        startIssuer(),
        startTarget(),
        startSshd(),
      ]);
      const access = {
        issuers: [
          {
            name: 'ci',
            kind: 'github-actions',
            issuer: issuer.url,
            audiences: ['countersign'],
            oneUse: true,
            rules: [{ name: 'shop', match: { repository: 'acme/shop' }, connections: ['sample', 'web'] }],
          },
          {
            name: 'own',
            kind: 'jwt',
            issuer: agents.url,
            audiences: ['countersign'],
            rules: [
              {
                name: 'people',
                match: { kind: 'person' },
                identityKind: 'human',
                connections: ['*'],
                actors: ['own/bot-*'],
              },
              { name: 'bots', match: { sub: 'bot-*' }, identityKind: 'ai_agent', connections: ['sample'] },
            ],
          },
        ],
      };
      installation = await startTestInstallation(target, { COUNTERSIGN_ACCESS: JSON.stringify(access) });
      await installation.api.send('PUT', '/v1/connections/web', {
        protocol: 'ssh',
        host: sshd.host,
        port: sshd.port,
        role: sshd.user,
        tls: 'disable',
        options: { hostKeys: [...sshd.hostKeys] },
        credential: { privateKey: sshd.privateKey },
      });
    });
    after(async () => {
      await installation?.stop();
      await Promise.all([issuer?.close(), agents?.close(), target?.stop(), sshd?.stop()]);
      rmSync(folder, { recursive: true, force: true });
    });

    it('a CI job with psql: its run stands on each event, and a lockout of its repository ends it', async () => {
      const made = await exchange({ subject_token: await idToken(), audience: 'sample' });
      const asked = await psql(made.user_name, made.access_token, 'select 40 + 2');
      assert.deepEqual([asked.code, asked.out.trim()], [0, '42'], asked.err);
      const [opened] = await until('the events are indexed', async () => {
        const found = await events(made.identity_id, 'session_opened');
        return found.length > 0 ? found : undefined;
      });
      const text = JSON.stringify(opened);
      assert.match(text, /4711/);
      assert.match(text, /acme\/shop/);
      assert.equal(opened?.['countersign.identity.credential_source'], 'ci/acme/shop:production');
      assert.equal(opened['countersign.identity.token_id'], made.token_id);
      const sleeping = psql(made.user_name, made.access_token, 'select pg_sleep(600)');
      await until('it runs', async () => {
        const { items } = await installation.api.get<{
          items: readonly { identityId: string; requests: number }[];
        }>('/v1/sessions', { state: 'live' });
        return items.some(({ identityId, requests }) => identityId === made.identity_id && requests > 0);
      });
      await installation.api.send('POST', '/v1/lockouts', {
        subjectKind: 'credential_source',
        subject: 'ci/acme/shop:production',
        reason: 'its runner was taken over',
      });
      const ended = await sleeping;
      assert.notEqual(ended.code, 0);
      assert.match(ended.err, /LOCKED_OUT|TOKEN_REVOKED/);
      const again = await fetch(`${installation.installation.gateway.api().url}/v1/tokens/exchange`, {
        method: 'POST',
        body: new URLSearchParams({ grant_type: GRANT, subject_token: await idToken({ run_id: '4712' }) }),
      });
      assert.equal(again.status, 403, 'nothing new for that repository');
      const { items } = await installation.api.get<{ items: readonly { lockoutId: string }[] }>(
        '/v1/lockouts',
      );
      await installation.api.send('POST', `/v1/lockouts/${items[0]!.lockoutId}/release`, {
        reason: 'rebuilt',
      });
    });

    it('an agent for a person: both on the event, and the person’s lockout ends the agent’s session', async () => {
      const bot = await agents.sign({
        iss: agents.url,
        aud: 'countersign',
        sub: 'bot-7',
        iat: seconds(),
        exp: seconds() + 600,
      });
      const made = await exchange({ subject_token: await person(), actor_token: bot });
      assert.deepEqual([made.identity_id, made.on_behalf_of], ['own/bot-7', ['own/alice']]);
      const sleeping = psql(made.user_name, made.access_token, 'select pg_sleep(600)');
      const [asked] = await until('its request is indexed', async () => {
        const found = await events('own/bot-7', 'request');
        return found.length > 0 ? found : undefined;
      });
      assert.match(JSON.stringify(asked), /own\/alice/);
      await installation.api.send('POST', '/v1/lockouts', {
        subjectKind: 'identity',
        subject: 'own/alice',
        reason: 'she has left',
      });
      const ended = await sleeping;
      assert.notEqual(ended.code, 0);
      assert.match(ended.err, /LOCKED_OUT/);
      assert.match((await psql(made.user_name, made.access_token, 'select 1')).err, /LOCKED_OUT/);
    });

    it('psql with a JSON web token as the password; what it stands for is revoked, and it does not come back', async () => {
      const sign = (extra: Record<string, unknown> = {}): Promise<string> =>
        agents.sign({
          iss: agents.url,
          aud: 'countersign',
          sub: 'bot-9',
          iat: seconds(),
          exp: seconds() + 600,
          ...extra,
        });
      const token = await sign();
      const asked = await psql('jwt', token, 'select 40 + 2');
      assert.deepEqual([asked.code, asked.out.trim()], [0, '42'], asked.err);
      const tokensOf = async (): Promise<readonly { tokenId: string }[]> =>
        (
          await installation.api.get<{ items: readonly { tokenId: string }[] }>('/v1/tokens', {
            identity: 'own/bot-9',
          })
        ).items;
      await psql('jwt', token, 'select 1');
      const [standing, ...others] = await tokensOf();
      assert.equal(others.length, 0, 'one token for it, however often it is shown');
      await installation.api.send('POST', `/v1/tokens/${standing!.tokenId}/revoke`, { reason: 'leaked' });
      assert.match((await psql('jwt', token, 'select 1')).err, /TOKEN_REVOKED/);
      const foreign = await psql('jwt', await sign({ aud: 'somebody-else' }), 'select 1');
      assert.match(foreign.err, /ACCESS_AUDIENCE_WRONG/);
      const expired = await psql('jwt', await sign({ exp: seconds() - 1 }), 'select 1');
      assert.match(expired.err, /ACCESS_TOKEN_EXPIRED/);
      assert.equal(
        (await psql('jwt', await sign({ nonce: 'new' }), 'select 1')).code,
        0,
        'a new one of the same agent',
      );
    });

    it('ssh with a JSON web token as the password; used once, it is refused with its code', async () => {
      const token = await idToken();
      const ran = await ssh(token, 'echo seen');
      assert.deepEqual([ran.code, ran.out], [0, 'seen\n'], ran.err);
      const again = await ssh(token, 'echo seen');
      assert.notEqual(again.code, 0);
      assert.match(again.err, /used before/);
      const foreign = await ssh(await idToken({ aud: 'somebody-else' }), 'echo seen');
      assert.match(foreign.err, /meant for somebody else/);
      const refused = await until('the refusals are indexed', async () => {
        const { items } = await installation.api.get<{ items: readonly { document: Document }[] }>(
          '/v1/events',
          {
            kind: 'session_refused',
          },
        );
        const text = JSON.stringify(items);
        return text.includes('ACCESS_TOKEN_REPLAYED') && text.includes('ACCESS_AUDIENCE_WRONG')
          ? text
          : undefined;
      });
      assert.ok(!refused.includes(token.slice(0, 60)), 'no token in the trail');
    });

    it('the issuer is away: who is in goes on, and its known keys count', async () => {
      const made = await exchange({ subject_token: await idToken() });
      issuer.setDown(true);
      const asked = await psql(made.user_name, made.access_token, 'select 1');
      assert.equal(asked.code, 0, asked.err);
      const later = await exchange({ subject_token: await idToken() });
      assert.ok(later.expires_in > 0, 'with the keys that are known');
      issuer.setDown(false);
    });
  },
);
