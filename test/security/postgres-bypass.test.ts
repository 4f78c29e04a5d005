/** A service account tries to do what policy denies; the target's own state says whether it came through. */
import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { createSystemClock } from '../../platform/clock/system-clock.ts';
import { ATTACKS, type Attack } from './attacks.ts';
import {
  DENYING_POLICY,
  startAttacked,
  stateOf,
  VICTIMS,
  type AttackedInstallation,
  type Login,
} from './installation.ts';
import { PLANTED } from './planted-attacks.ts';
import { TRICKS } from './planted-tricks.ts';

const LEAK = /SCRAM-SHA-256\$|countersign-secret-cell|root:x:0:0/;
/** Within this the target's objects may be others than the gateway knows: that is said in docs/postgres.md. */
const AGE_MS = 50;
const PROGRAM_FILE = '/tmp/countersign-security-program';

let attacked: AttackedInstallation;
let thief: Login;
before(async () => {
  // Exempt from automation: the loop would rightly end the attacks after the first few.
  attacked = await startAttacked((config) => ({
    ...config,
    policy: { ...config.policy, rules: DENYING_POLICY },
    gateway: { ...config.gateway, breakGlassIdentities: ['countersign/stolen'] },
    connections: config.connections.map((one) => ({
      ...one,
      options: { ...one.options, catalogueAgeMsMax: AGE_MS },
    })),
  }));
  thief = await attacked.login('stolen', 'service_account');
  await attacked.direct.query(VICTIMS);
});
after(() => attacked?.stop());

interface Outcome {
  readonly answers: string;
  readonly codes: readonly string[];
}

/** All steps in one session, whatever each of them says. */
async function carryOut(client: pg.Client, steps: readonly string[]): Promise<Outcome> {
  const answers: string[] = [];
  const codes: string[] = [];
  for (const step of steps) {
    try {
      const result = await client.query(step);
      answers.push(JSON.stringify([result].flat().map(({ rows }) => rows)));
      codes.push('ok');
    } catch (error) {
      const { code = 'none', message } = error as { code?: string; message: string };
      codes.push(code);
      answers.push(message);
    }
  }
  return { answers: answers.join('\n'), codes };
}

/** Whether the target itself would have let it happen: else the case shows nothing. */
async function worksAlone({ steps, options, plant }: Attack): Promise<boolean> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port: attacked.targetPort,
    user: 'postgres',
    password: attacked.superuserPassword,
    database: 'shop',
    ...(options === undefined ? {} : { options }),
  });
  await client.connect();
  try {
    if (plant !== undefined) await attacked.direct.query(plant);
    const before = await stateOf(attacked.direct);
    const { answers } = await carryOut(client, steps);
    await client.query('rollback');
    return (
      LEAK.test(answers) || answers.includes('"pg_read_file"') || (await stateOf(attacked.direct)) !== before
    );
  } finally {
    await client.end();
    await restore();
  }
}

/** Back to how it was before an attack that was let happen. */
async function restore(): Promise<void> {
  await attacked.direct.query(`
    drop database if exists victim_db with (force)`);
  await attacked.direct.query(`
    drop event trigger if exists victim_e;
    drop function if exists victim_et;
    drop schema if exists victim_schema cascade;
    drop view if exists victim_view, victim_v, information_schema.victim_view cascade;
    drop table if exists victim_copy, victim_t, victim_x cascade;
    drop publication if exists victim_pub;
    drop operator family if exists victim_oc using btree cascade;
    drop type if exists victim_type cascade;
    drop extension if exists dblink cascade;
    drop extension if exists postgres_fdw cascade;
    alter default privileges revoke all on tables from public;
    reset all;
    do $x$ declare f regprocedure; begin
      if to_regprocedure('pg_catalog.victim_read(text)') is not null then
        alter function pg_catalog.victim_read(text) rename to pg_read_file;
      end if;
      for f in select oid::regprocedure from pg_proc where proname ~ '^victim_(f|path|tf|c|d|a|s|o)$' loop execute 'drop routine if exists ' || f || ' cascade'; end loop; end $x$;
    drop procedure if exists victim_p;
    drop operator if exists = (int, text);
    drop materialized view if exists victim_mv;
    drop domain if exists victim_domain, victim_domain_2 cascade;
    drop function if exists victim_w, victim_wi, "victim F()", lower(int), pg_catalog.victim_lower(text), nextval(text, int) cascade;
    drop domain if exists victim_domain cascade;
    drop type if exists victim_type cascade;
  `);
  await attacked.direct.query(`do $$ begin
    if exists (select from pg_roles where rolname = 'victim_new') then drop role victim_new; end if;
    if exists (select from pg_roles where rolname = 'victim_role') then execute 'drop owned by victim_role cascade'; end if;
  end $$`);
  await attacked.direct.query(VICTIMS);
}

for (const attack of [...ATTACKS, ...PLANTED, ...TRICKS])
  test(`service account: ${attack.plant === undefined ? '' : 'planted: '}${attack.name}`, async () => {
    rmSync(PROGRAM_FILE, { force: true });
    if (attack.plant !== undefined) {
      await attacked.direct.query(attack.plant);
      await createSystemClock().sleep(AGE_MS);
    }
    const client = attacked.client(thief, attack.options === undefined ? {} : { options: attack.options });
    await client.connect();
    const before = await stateOf(attacked.direct);
    const { answers, codes } = await carryOut(client, attack.steps);
    await client.end();
    const after = await stateOf(attacked.direct);
    await restore();
    assert.equal(after, before, 'the target changed');
    assert.doesNotMatch(answers, LEAK, 'a secret came out');
    assert.equal(existsSync(PROGRAM_FILE), false, 'a program ran');
    assert.ok(codes.includes('42501'), `nothing was denied: ${codes.join(', ')} ${answers.slice(0, 300)}`);
    if (attack.harmlessAlone !== true)
      assert.ok(await worksAlone(attack), 'the attack does nothing on the target alone: it shows nothing');
  });
