/**
 * A policy on columns, objects and whole tables, against a service account that asks for the same otherwise. The target's state and
 * its answers are the judge; the same steps without a gateway show that the judge would see it; and naive gateways let them through.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { ATTACKS } from '../attacks.ts';
import { startAttacked, stateOf, type AttackedInstallation, type Login } from '../installation.ts';
import { letsThrough, type NaiveGateway } from './naive-gateways.ts';
import { LEAK, POLICY_ATTACKS, POLICY_VICTIMS, type PolicyAttack } from './attacks.ts';
import { FINE_POLICY } from './rules.ts';
import { createPolicyMutations } from './mutations.ts';
import { createSeededRandom } from '../../../platform/clock/manual-clock.ts';
import { createSystemClock } from '../../../platform/clock/system-clock.ts';

/** Of the generated ones; the whole set (10,000) takes some minutes: COUNTERSIGN_POLICY_CASES=10000, with COUNTERSIGN_POLICY_SEED another one. */
const CASES = Number(process.env['COUNTERSIGN_POLICY_CASES'] ?? 1000);

/** Within this the target's objects may be others than the gateway knows: that is said in docs/postgres.md. */
const AGE_MS = 50;
const clock = createSystemClock();

let attacked: AttackedInstallation;
let thief: Login;
let direct: pg.Client;
before(async () => {
  attacked = await startAttacked((config) => ({
    ...config,
    policy: { ...config.policy, rules: FINE_POLICY },
    // Exempt from automation: the loop would rightly end the attacks after the first few.
    // And a lease that a starved machine does not lose: sessions of machines would end with it.
    gateway: { ...config.gateway, breakGlassIdentities: ['countersign/analyst'], leaseMs: 60_000 },
    connections: config.connections.map((one) => ({
      ...one,
      options: { ...one.options, catalogueAgeMsMax: AGE_MS },
    })),
  }));
  thief = await attacked.login('analyst', 'service_account');
  direct = attacked.direct;
  await plant();
});
after(() => attacked?.stop());

/** A digest of the rows that the policy is about; what `stateOf` sees besides is looked at less often. */
async function rowsOf(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ digest: string }>(`
    select concat_ws('/', (select md5(string_agg(o::text, ',' order by id)) from public.victim_orders o),
      (select md5(string_agg(s::text, ',' order by id)) from hr.victim_staff s),
      (select md5(string_agg(x::text, ',' order by id)) from hr.victim_secrets x)) as digest`);
  return rows[0]!.digest;
}

async function plant(): Promise<void> {
  await direct.query(POLICY_VICTIMS);
  await clock.sleep(2 * AGE_MS);
}

interface Outcome {
  readonly answers: string;
  readonly codes: readonly string[];
}

/** A connection that ended, and what a gateway without a lease says. */
const LOST = /^(none|57P0[13])$/;

/** All steps in one session, whatever each of them says. */
async function carryOut(client: pg.Client, steps: readonly string[], extended = false): Promise<Outcome> {
  const answers: string[] = [];
  const codes: string[] = [];
  for (const [index, step] of steps.entries()) {
    const tag = `${index}`;
    try {
      const result = await (extended
        ? client.query({ text: step, values: [], name: '' })
        : client.query(step));
      answers.push(JSON.stringify([result].flat().map(({ rows }) => rows)));
      codes.push('ok');
    } catch (error) {
      const { code = 'none', message } = error as { code?: string; message: string };
      codes.push(code);
      answers.push(`${tag}: ${message}`);
    }
  }
  return { answers: answers.join('\n'), codes };
}

const isCopy = ({ steps }: PolicyAttack): boolean => steps.some((step) => /^copy\b/i.test(step));

/** Whether the target alone would have let it happen. */
async function worksAlone({ steps, shows = LEAK }: PolicyAttack): Promise<boolean> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port: attacked.targetPort,
    user: 'postgres',
    password: attacked.superuserPassword,
    database: 'shop',
  });
  await client.connect();
  try {
    const before = await stateOf(direct);
    const { answers } = await carryOut(client, steps);
    await client.query('rollback');
    return shows.test(answers) || (await stateOf(direct)) !== before;
  } finally {
    await client.end();
    await plant();
  }
}

describe('a policy on columns, objects and whole tables', () => {
  for (const attack of POLICY_ATTACKS)
    test(`${attack.name}: ${attack.steps.at(-1)!.slice(0, 60)}`, async () => {
      for (const naive of attack.naive) assert.ok(letsThrough(naive, attack.steps), `${naive} stops it`);
      const client = attacked.client(thief);
      await client.connect();
      const before = await stateOf(direct);
      const { answers, codes } = await carryOut(client, attack.steps);
      await client.end();
      const after = await stateOf(direct);
      await plant();
      assert.equal(after, before, 'the target changed');
      assert.doesNotMatch(answers, attack.shows ?? LEAK, 'it came out');
      assert.ok(codes.includes('42501'), `nothing was denied: ${codes.join(', ')} ${answers.slice(0, 300)}`);
      // A driver without COPY cannot show it.
      if (!isCopy(attack))
        assert.ok(await worksAlone(attack), 'it does nothing on the target alone: it shows nothing');
    });

  test('what is allowed is allowed', async () => {
    const client = attacked.client(thief);
    await client.connect();
    const allowed = [
      'select id, name from hr.victim_staff where id = 2',
      'select s.name from hr.victim_staff s order by s.id limit 1',
      "update public.victim_orders set amount = 5 where id = 1 and word = 'word-1' returning amount",
      'select o.* from public.victim_orders o where id < 3',
      'with t as (select id, name from hr.victim_staff) select count(t.id) from t',
      'select 1',
      "insert into public.victim_orders values (50, 'x', 1)",
    ];
    const { codes, answers } = await carryOut(client, allowed);
    await client.end();
    await plant();
    assert.deepEqual(new Set(codes), new Set(['ok']), answers);
  });
});

test('naive gateways let at least 80 of the attacks through, each', () => {
  const all = [...ATTACKS, ...POLICY_ATTACKS];
  const passing = (gateway: NaiveGateway): number =>
    all.filter(({ steps }) => letsThrough(gateway, steps)).length;
  assert.ok(POLICY_ATTACKS.length >= 80, `${POLICY_ATTACKS.length}`);
  for (const gateway of ['verb', 'words', 'names'] as const)
    assert.ok(passing(gateway) >= 80, `${gateway}: ${passing(gateway)} of ${all.length}`);
});

test(
  `${CASES} mutations of allowed and denied statements: none has an effect that is denied`,
  { timeout: 580_000 },
  async () => {
    const random = createSeededRandom(Number(process.env['COUNTERSIGN_POLICY_SEED'] ?? 20_261_125));
    const mutations = createPolicyMutations((max) => random.bytes(4).readUInt32BE() % max);
    const state = await stateOf(direct);
    const rows = await rowsOf(direct);
    const counts = { denied: 0, allowed: 0, harmful: 0, overBlocked: 0, broken: 0, lost: 0 };
    const overBlocked: string[] = [];
    let client = attacked.client(thief);
    await client.connect();
    for (let number = 1; number <= CASES; number += 1) {
      const { steps, extended } = mutations.next();
      const text = steps.join(' ;; ');
      // The oracle: the target itself, in a transaction that is taken back.
      await direct.query('begin');
      const alone = await carryOut(
        direct,
        steps.map((step) => step),
      );
      // Names in it are written as the search path has them.
      await direct.query('set search_path = default').catch(() => undefined);
      const changed = (await rowsOf(direct).catch(() => 'gone')) !== rows;
      await direct.query('rollback; set search_path = default; deallocate all');
      const broken = alone.codes.some((code) => code !== 'ok');
      const harmful = LEAK.test(alone.answers) || (changed && !mutations.mayChange(text));
      const { answers, codes } = await carryOut(client, steps, extended);
      assert.doesNotMatch(answers, LEAK, `it came out by ${text}`);
      const denied = codes.includes('42501');
      if (broken) counts.broken += 1;
      if (harmful) counts.harmful += 1;
      if (denied) counts.denied += 1;
      else counts.allowed += 1;
      if (codes.some((code) => LOST.test(code))) {
        // The gateway gave the session up, or could not decide: nothing came out, and nothing is shown.
        counts.lost += 1;
        await client.end().catch(() => undefined);
        client = attacked.client(thief);
        await client.connect();
        continue;
      }
      if (harmful)
        assert.ok(denied, `not denied (${codes.join()}), though the target says that it is harmful: ${text}`);
      if (!harmful && !broken && denied && mutations.isPlain(text)) {
        counts.overBlocked += 1;
        overBlocked.push(text);
      }
      if (number % 50 > 0) continue;
      await client.end();
      await direct.query('update public.victim_orders set amount = id where id = 1');
      assert.equal(await stateOf(direct), state, `something came through up to ${text}`);
      client = attacked.client(thief);
      await client.connect();
    }
    await client.end();
    assert.ok(counts.harmful > CASES * 0.3, JSON.stringify(counts));
    assert.ok(counts.allowed > CASES * 0.1, JSON.stringify(counts));
    assert.ok(counts.broken < CASES * 0.2, JSON.stringify(counts));
    assert.ok(counts.lost < CASES * 0.05, JSON.stringify(counts));
    assert.ok(
      counts.overBlocked < CASES * 0.02,
      `${JSON.stringify(counts)} ${overBlocked.slice(0, 10).join('\n')}`,
    );
  },
);
