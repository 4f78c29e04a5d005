/** The policy in a whole installation: what real clients meet, what the commands say of it, and a reload while it runs. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type pg from 'pg';
import { start, type Ended } from '../../cli/test/support.ts';
import { FIXTURE } from '../../gateway/policy/rego/test/make-fixture.ts';
import type { Config } from '../../schemas/config/config.ts';
import {
  startAttacked,
  VICTIMS,
  type AttackedInstallation,
  type Login,
} from '../../test/security/installation.ts';
import { until } from '../../test/support/until.ts';

const folder = mkdtempSync(join(tmpdir(), 'countersign-policy-'));
const policies = join(folder, 'policies');
const FILE = join(policies, 'shop.yaml');
mkdirSync(policies);
writeFileSync(
  FILE,
  `rules:
  - name: writes-have-a-reason
    actions: [write, delete]
    requires: { reason: true, ticket: 'OPS-*' }
    outcome: allow
    reason: Changes of data belong to a ticket.
    cases:
      - { name: without, statement: update victim set amount = 1 where id = 1, outcome: deny, rule: writes-have-a-reason }
      - { name: with, statement: delete from victim where id = 1, reason: x, ticket: OPS-1, outcome: allow }
  - name: few-rows
    kinds: [service_account]
    actions: [read]
    limits: { rowsMax: 5 }
    outcome: allow
    reason: Machines read a few rows at a time.
  - name: slow
    identities: [countersign/slow]
    rate: { requestsPerMinuteMax: 3 }
    outcome: allow
    reason: This one takes its time.
  - name: secret
    objects: [public.victim_secret]
    outcome: deny
    reason: Nobody reads that.
  - name: rest
    outcome: allow
    reason: nothing speaks against it
`,
);

/** A starved machine must not lose it: sessions of machines would end with it. */
const LEASE_MS = 60_000;

const failure = async (work: Promise<unknown>): Promise<pg.DatabaseError> => {
  try {
    await work;
  } catch (error) {
    return error as pg.DatabaseError;
  }
  throw new Error('it did not fail');
};

describe('the policy of an installation', { timeout: 600_000 }, () => {
  let here: AttackedInstallation;
  let reader: Login;
  const run = (...words: string[]): Promise<Ended> =>
    start(words, {
      environment: { COUNTERSIGN_API: here.apiUrl, COUNTERSIGN_API_TOKEN: here.installation.tokens.admin },
    }).ended;
  const connected = async (login: Login, options?: string): Promise<pg.Client> => {
    const client = here.client(login, options === undefined ? {} : { options });
    await client.connect();
    return client;
  };

  before(async () => {
    const { readPolicyFolders } = await import('../../gateway/policy/policy-files.ts');
    const rules: Config['policy']['rules'] = readPolicyFolders([policies]).rules.map(({ rule }) => rule);
    here = await startAttacked((config) => ({
      ...config,
      gateway: { ...config.gateway, leaseMs: LEASE_MS },
      policy: { ...config.policy, rules },
    }));
    reader = await here.login('reader', 'service_account');
    await here.direct.query(VICTIMS);
  });
  after(async () => {
    await here?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('cuts off what passes its limit, and the event says so', async () => {
    const client = await connected(reader);
    const error = await failure(client.query('select * from victim'));
    assert.deepEqual([error.code, error.message], ['54000', 'answer cut off by policy: more than 5 rows']);
    assert.match(error.detail!, /few-rows/);
    assert.equal((await client.query('select * from victim limit 5')).rows.length, 5);
    await client.end();
    await until('the event is found', async () => {
      const { out } = await run('event', 'search', '--identity', 'reader', '--kind', 'response', '--json');
      return out.includes('cut_off');
    });
  });

  it('asks for a reason and a ticket, and takes them from options or a statement', async () => {
    const change = 'update victim set amount = amount where id = 1';
    const without = await connected(reader);
    const error = await failure(without.query(change));
    assert.equal(error.code, '42501');
    assert.match(error.message, /Changes of data belong to a ticket.*SET countersign\.reason = /);
    await without.query("set countersign.reason = 'stuck'");
    assert.match((await failure(without.query(change))).message, /a ticket OPS-\* is needed/);
    await without.query("set countersign.ticket = 'OPS-7'");
    assert.equal((await without.query(change)).rowCount, 1);
    await without.end();
    const stated = await connected(reader, '-c countersign.reason=stuck -c countersign.ticket=OPS-8');
    assert.equal((await stated.query(change)).rowCount, 1);
    await stated.end();
  });

  it('denies what comes too often', async () => {
    const client = await connected(await here.login('slow', 'human'));
    const codes: string[] = [];
    for (let round = 0; round < 5; round += 1)
      codes.push(
        await client.query('select 1').then(
          () => 'ok',
          (error: pg.DatabaseError) => error.code!,
        ),
      );
    assert.deepEqual(codes, ['ok', 'ok', 'ok', '42501', '42501']);
    await client.end();
  });

  it('is tested, with statements as clients send them', async () => {
    const tested = await run('policy', 'test', policies);
    assert.deepEqual([tested.code, tested.err], [0, '']);
    assert.match(tested.out, /5 rules, 2 cases, all right/);
    const broken = join(folder, 'broken.yaml');
    writeFileSync(
      broken,
      `rules:
  - name: one
    outcome: deny
    reason: no
    networks: [10.0.0.0/99]
  - name: two
    outcom: allow
    reason: yes
`,
    );
    const wrong = await run('policy', 'test', broken);
    assert.equal(wrong.code, 1);
    assert.match(wrong.out, /broken\.yaml:\d+: rules\.1/);
    writeFileSync(
      broken,
      `rules:
  - name: one
    outcome: allow
    reason: all
    cases:
      - { name: a drop, statement: drop table x, outcome: deny }
`,
    );
    const failed = await run('policy', 'test', broken);
    assert.equal(failed.code, 1);
    assert.match(
      failed.out,
      /broken\.yaml:6: rules\.0\.cases\.0: rule "one": the case "a drop" expects deny, but one says allow/,
    );
  });

  it('is explained: what the statement does, which rule decides, which were near', async () => {
    const words = ['policy', 'explain', '--policy', policies, '--connection', 'root', '--identity', 'reader'];
    const secret = await run(...words, '--statement', 'select secret from victim_secret');
    assert.equal(secret.code, 0, secret.err);
    assert.match(secret.out, /^deny, by secret: Nobody reads that\./);
    // Kind and groups are those of the installation's account.
    assert.match(secret.out, /who: countersign\/reader \(service_account\)/);
    assert.match(secret.out, /what: read public\.victim_secret \(secret\)/);
    assert.match(secret.out, /slow: allow, but not by identities/);
    const json = await run(...words, '--statement', 'delete from victim', '--json');
    const read = JSON.parse(json.out) as {
      decision: { outcome: string; rule: string };
      rules: { rule: string; unmet: string | null }[];
    };
    assert.deepEqual([read.decision.outcome, read.decision.rule], ['deny', 'writes-have-a-reason']);
    assert.ok(read.rules.find(({ rule }) => rule === 'writes-have-a-reason')!.unmet);
  });

  it('is explained with a bundle, too', async () => {
    const config = join(folder, 'rego.yaml');
    writeFileSync(config, `policy:\n  kind: rego\n  rego:\n    bundleFile: ${FIXTURE}\n`);
    const words = [
      'policy',
      'explain',
      '--config',
      config,
      '--identity',
      'x',
      '--kind',
      'ai_agent',
      '--statement',
    ];
    assert.match((await run(...words, 'select * from orders')).out, /^allow, by agents-read/);
    assert.match((await run(...words, 'drop table orders')).out, /^hold_approval, by drops/);
  });

  it('says what other rules would have done with history', async () => {
    const other = join(folder, 'other.yaml');
    writeFileSync(
      other,
      `rules:
  - { name: no-writes, actions: [write], outcome: deny, reason: nobody writes }
  - { name: tiny, limits: { rowsMax: 4 }, outcome: allow, reason: four rows }
`,
    );
    await until('history has it', async () => {
      const { out } = await run(
        'policy',
        'dry-run',
        other,
        '--since',
        '1h',
        '--identity',
        'reader',
        '--json',
      );
      const read = JSON.parse(out) as { changes: Record<string, number> };
      return read.changes['deny'] === 2 && read.changes['cut_off'] === 1;
    });
    const { out, code } = await run('policy', 'dry-run', other, '--since', '1h', '--identity', 'reader');
    assert.equal(code, 0);
    assert.match(out, /^Would have .*denied 2.* of \d+ requests/);
    assert.match(out, /allow -> deny \(no-writes: nobody writes\) {2}update victim set amount/);
    assert.match(out, /allow -> cut_off \(tiny: 5 rows/);
  });
});

describe('a policy in Rego in an installation', { timeout: 600_000 }, () => {
  let here: AttackedInstallation;
  let agent: Login;
  const bundle = join(folder, 'live.tar.gz');
  const rego = { bundleFile: bundle, pollMs: 100, entrypoint: 'countersign/decision' };
  const withRego = (config: Config): Config => ({
    ...config,
    // Denials of an agent are suspicious, and would rightly end it.
    gateway: { ...config.gateway, breakGlassIdentities: ['countersign/bot'], leaseMs: LEASE_MS },
    policy: {
      ...config.policy,
      kind: 'rego',
      rego: {
        ...rego,
        deadlineMs: 5000,
        memoryBytesMax: 67_108_864,
        bundleBytesMax: 67_108_864,
        waitingMax: 1000,
        withUsage: false,
        cachedMax: 1000,
      },
    },
  });
  const codeOf = async (client: pg.Client, sql: string): Promise<string> =>
    client.query(sql).then(
      () => 'ok',
      (error: pg.DatabaseError) => error.code!,
    );

  before(async () => {
    mkdirSync(folder, { recursive: true });
    here = await startAttacked(withRego);
    agent = await here.login('bot', 'ai_agent');
    await here.direct.query(VICTIMS);
  });
  after(async () => {
    await here?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('denies everything while there is no bundle, as a fault, and says so in /readyz; then decides', async () => {
    const client = here.client(agent);
    await client.connect();
    const error = await failure(client.query('select * from victim'));
    assert.equal(error.code, '57P03');
    assert.match(error.message, /live\.tar\.gz cannot be had/);
    assert.match(error.detail!, /POLICY_BUNDLE_MISSING/);
    const ready = await fetch(`${here.apiUrl}/readyz`);
    assert.equal(ready.status, 503);
    assert.match(await ready.text(), /policy: .*POLICY_BUNDLE_MISSING/);
    copyFileSync(FIXTURE, `${bundle}.new`);
    renameSync(`${bundle}.new`, bundle);
    await until('it decides', async () => (await codeOf(client, 'select * from victim')) === 'ok');
    assert.equal((await fetch(`${here.apiUrl}/readyz`)).status, 200);
    // Several sessions of the same kind at once.
    const clients = Array.from({ length: 5 }, () => here.client(agent));
    const found = await Promise.all(
      clients.map(async (one, index) => {
        await one.connect();
        const { rows } = await one.query({
          text: 'select id from victim where id = $1',
          values: [index + 1],
        });
        await one.end();
        return (rows[0] as { id: number }).id;
      }),
    );
    assert.deepEqual(found, [1, 2, 3, 4, 5]);
    assert.equal(await codeOf(client, 'update victim set amount = 1 where id = 1'), '42501');
    assert.equal(
      await codeOf(client, 'begin; select * from victim; commit'),
      '42501',
      'its rule names reads only',
    );
    await client.end();
  });

  it('keeps the bundle before where a new one is broken', async () => {
    const client = here.client(agent);
    await client.connect();
    writeFileSync(bundle, 'broken');
    const answer = await here.api.send<{ applied: boolean; problems: { reason: string }[] }>(
      'POST',
      '/v1/reload',
      {},
    );
    assert.equal(answer.applied, false);
    assert.match(answer.problems[0]!.reason, /POLICY_BUNDLE_INVALID/);
    assert.equal(await codeOf(client, 'select * from victim'), 'ok');
    await client.end();
  });
});

describe('policy folders in a configuration', () => {
  it('are read, and read again; a mistake names file and line and changes nothing', async () => {
    const { checkConfig } = await import('../config.ts');
    const config = join(folder, 'countersign.yaml');
    mkdirSync(policies, { recursive: true });
    writeFileSync(FILE, 'rules:\n  - { name: one, outcome: allow, reason: r }\n');
    writeFileSync(
      config,
      `policy:\n  rules:\n    - { name: zero, outcome: deny, actions: [drop], reason: r }\n  folders: [${policies}]\n`,
    );
    const names = (): string[] | string => {
      const checked = checkConfig(config, {});
      return checked.ok
        ? checked.value.policy.rules.map(({ name }) => name)
        : checked.problems.map(({ file, line, reason }) => `${file}:${line}: ${reason}`).join('\n');
    };
    assert.deepEqual(names(), ['zero', 'one']);
    writeFileSync(join(policies, 'more.yml'), 'rules:\n  - { name: two, outcome: allow, reason: r }\n');
    assert.deepEqual(names(), ['zero', 'two', 'one']);
    writeFileSync(FILE, 'rules:\n  - { name: two, outcome: allow, reason: r }\n');
    assert.equal(
      names(),
      `${FILE}:2: rule "two": the name is taken by a rule above (${join(policies, 'more.yml')}:2)`,
    );
    writeFileSync(FILE, 'rules:\n  - { name: one, outcom: allow, reason: r }\n');
    assert.match(names() as string, new RegExp(`${FILE}:2: `));
    rmSync(policies, { recursive: true });
    assert.match(names() as string, /policies:0: cannot be read \(ENOENT\)/);
  });

  const wrong: readonly [string, string, RegExp][] = [
    ['rego without a section', 'policy: { kind: rego }', /needs the section policy\.rego/],
    [
      'two bundles',
      'policy: { kind: rego, rego: { bundleFile: a, bundleUrl: "https://b" } }',
      /name one bundle/,
    ],
    [
      'an unsigned bundle from a server',
      'policy: { kind: rego, rego: { bundleUrl: "https://b" } }',
      /must be signed/,
    ],
    ['OPA in the clear', 'policy: { kind: opa, opa: { url: "http://opa.example" } }', /must be https/],
    [
      'a secret for a public key',
      'policy: { kind: rego, rego: { bundleFile: a, verification: { algorithm: RS256, secret: { env: X } } } }',
      /all others publicKeyFile/,
    ],
  ];
  for (const [name, text, reason] of wrong)
    it(`refuse ${name}`, async () => {
      const { checkConfig } = await import('../config.ts');
      const file = join(tmpdir(), `countersign-policy-${process.pid}.yaml`);
      writeFileSync(file, `${text}\n`);
      try {
        const checked = checkConfig(file, {});
        assert.ok(!checked.ok);
        assert.match(checked.problems.map(({ reason: one }) => one).join('\n'), reason);
      } finally {
        rmSync(file);
      }
    });
});
