/**
 * 10,000 mutations of denied statements. The target's state and what it answers are the judge; and for each kind of mutation it is
 * shown on the target alone that the judge would see it.
 */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { createBuiltInPolicy } from '../../gateway/policy/built-in-policy.ts';
import {
  createAnalyser,
  type OwnedAnalyser,
} from '../../gateway/protocols/postgres/analysis/create-analyser.ts';
import {
  libraryClient,
  startGateway,
  type TestGateway,
} from '../../gateway/protocols/postgres/test/gateway.ts';
import { identity } from '../../gateway/protocols/test/robot.ts';
import { createManualClock, createSeededRandom } from '../../platform/clock/manual-clock.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';
import { DENYING_POLICY, stateOf, VICTIMS } from './installation.ts';
import { createSpeller, LURES, type Spelling } from './spellings.ts';

const LEAK = /SCRAM-SHA-256\$|countersign-secret-cell/;
const CASES = 10_000;
const CHECKED_EVERY = 100;
const CONTROLS = 400;

let target: TestPostgres;
let direct: pg.Client;
let analyser: OwnedAnalyser;
let gateway: TestGateway;
before(async () => {
  target = await startPostgres({ fsync: 'off' });
  const { host, port, user, password } = target;
  const admin = new pg.Client({ host, port, user, password, database: 'postgres' });
  await admin.connect();
  await admin.query('create database shop');
  await admin.end();
  direct = new pg.Client({ host, port, user, password, database: 'shop' });
  await direct.connect();
  await direct.query(VICTIMS);
  await direct.query(LURES);
  const hmac = (secret: string | Uint8Array): Buffer => createHmac('sha256', 'k').update(secret).digest();
  analyser = await createAnalyser({ clock: createManualClock(), hmac });
  // As the target's superuser: nothing but the gateway stands in between.
  gateway = await startGateway({
    target,
    credential: { username: user, password },
    analyser,
    options: { database: 'shop', catalogue: 'on' },
  });
  gateway.keepRecording = false;
  const policy = createBuiltInPolicy({ rules: DENYING_POLICY });
  gateway.decide = ({ actions, risk, fingerprint }) => {
    const { outcome } = policy.decide({
      identity,
      client: { ip: '127.0.0.1', port: 1, tool: null, version: null },
      target: { connection: 'main', protocol: 'postgres', host, port, database: 'shop', role: user },
      actions,
      risk,
      fingerprint: fingerprint ?? null,
      now: 0,
    });
    return outcome === 'allow' ? 'allow' : 'deny';
  };
});
after(async () => {
  await gateway?.stop();
  await analyser?.close();
  await direct?.end();
  await target?.stop();
});

async function connect(): Promise<pg.Client> {
  const client = libraryClient(gateway);
  await client.connect();
  return client;
}

function createSpellings(): { next(): Spelling } {
  const random = createSeededRandom(20_261_124);
  return createSpeller(
    (max) => random.bytes(4).reduce((sum, byte) => (sum * 256 + byte) % 1_000_003, 0) % max,
  );
}

async function carryOut(
  client: pg.Client,
  { steps, extended }: Spelling,
  n: number,
): Promise<{ answers: string; denied: boolean }> {
  let answers = '';
  let denied = false;
  for (const [index, sql] of steps.entries())
    try {
      const result = await (extended
        ? client.query({ text: sql, values: [], name: `n${n}.${index}` })
        : client.query(sql));
      answers += JSON.stringify([result].flat().map(({ rows }) => rows));
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      denied ||= code === '42501';
      answers += message;
    }
  return { answers, denied };
}

test('10,000 mutations of denied statements leave the target as it was', { timeout: 900_000 }, async () => {
  const spellings = createSpellings();
  const before = await stateOf(direct);
  const undenied: string[] = [];
  let tried: string[] = [];
  let denied = 0;
  let client = await connect();
  for (let n = 1; n <= CASES; n += 1) {
    const spelling = spellings.next();
    const { answers, denied: refused } = await carryOut(client, spelling, n);
    const text = `${spelling.way}: ${spelling.steps.join(' ;; ')}`;
    tried.push(text);
    assert.doesNotMatch(answers, LEAK, `a secret came out by ${text}`);
    if (refused) denied += 1;
    else undenied.push(`${text} -> ${answers.slice(0, 100)}`);
    if (n % CHECKED_EVERY > 0) continue;
    assert.equal(await stateOf(direct), before, `one of these came through:\n${tried.join('\n')}`);
    tried = [];
    await client.end();
    client = await connect();
  }
  await client.end();
  // A mutation that is no statement at all proves nothing.
  assert.ok(denied >= CASES * 0.97, `only ${denied} were denied; not: ${undenied.slice(0, 20).join('\n')}`);
});

test('the judge sees them where no gateway stands in between', { timeout: 300_000 }, async () => {
  const spellings = createSpellings();
  const kinds = new Map<string, { seen: number; harmed: number; last: string }>();
  const bases = new Set<string>();
  let controls = 0;
  while (controls < CONTROLS) {
    const spelling = spellings.next();
    // Only what can be taken back, and a few of each kind.
    const kind = kinds.get(spelling.way) ?? { seen: 0, harmed: 0, last: '' };
    if (spelling.steps.some((step) => /\bcommit\b/.test(step))) continue;
    controls += 1;
    kinds.set(spelling.way, kind);
    await direct.query('begin');
    const before = await stateOf(direct);
    await direct.query('savepoint control');
    const { answers } = await carryOut(direct, { ...spelling, extended: false }, controls);
    const after = await stateOf(direct).catch(() => before);
    await direct.query('rollback; set search_path = default; deallocate all');
    kind.seen += 1;
    kind.last = `${spelling.steps.join(' ;; ')} -> ${answers.slice(0, 200)}`;
    if (after !== before || LEAK.test(answers)) {
      kind.harmed += 1;
      bases.add(spelling.base);
    }
  }
  const harmed = [...kinds.values()].reduce((sum, one) => sum + one.harmed, 0);
  assert.ok(harmed >= CONTROLS * 0.8, `only ${harmed} of ${CONTROLS} do harm: ${JSON.stringify([...kinds])}`);
  for (const [way, { seen, harmed: did, last }] of kinds)
    assert.ok(did > 0, `none of ${seen} by "${way}" does harm: ${last}`);
  assert.ok(bases.size >= 35, `only ${bases.size} of the denied statements do harm`);
});
