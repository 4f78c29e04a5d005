/** What `identity review` names, with a real index of sessions. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import Value from 'typebox/value';
import { createEmbeddedSearchIndex } from '../../../platform/search-index/embedded/embedded-search-index.ts';
import { SearchIndexConfig } from '../../../schemas/config/search-index.ts';
import type { StoredIdentity } from '../../control/token-index.ts';
import { createReview } from '../review/review.ts';
import { openWorld, START } from './support/world.ts';

const DAY_MS = 86_400_000;

test('owners that are gone, unused rights, tokens that live too long; nothing about what is in order', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-review-'));
  const search = await createEmbeddedSearchIndex({
    ...(Value.Default(SearchIndexConfig, {}) as SearchIndexConfig),
    file: join(folder, 'index.db'),
  });
  t.after(async () => {
    await search.close();
    rmSync(folder, { recursive: true });
  });
  const world = openWorld(t, { access: {} });
  const { tokens, clock } = world;
  const account = (id: string, extra: Partial<StoredIdentity> = {}): Promise<void> =>
    tokens.putIdentity({
      id,
      kind: 'service_account',
      displayName: id,
      groups: [],
      onBehalfOf: [],
      breakGlass: false,
      attributes: {},
      owner: 'okta/alice',
      expiresAt: START + 1000 * DAY_MS,
      ...extra,
    });
  const issue = async (identityId: string, connections: string[], days: number): Promise<void> => {
    const issued = await tokens.issue({
      identityId,
      connections,
      ttlMs: days * DAY_MS,
      credentialSource: null,
      attributes: {},
      by: 'test',
    });
    assert.ok(issued.ok, JSON.stringify(issued));
  };
  await account('okta/alice', { kind: 'human', owner: null, expiresAt: null });
  await account('okta/gone', { kind: 'human', owner: null, expiresAt: null });
  await account('okta/locked', { kind: 'human', owner: null, expiresAt: null });
  await account('countersign/fine');
  await account('countersign/orphan', { owner: null });
  await account('countersign/of-gone', { owner: 'okta/gone' });
  await account('countersign/of-locked', { owner: 'okta/locked' });
  await account('countersign/of-nobody', { owner: 'okta/never-seen' });
  await account('countersign/eternal', { expiresAt: null });
  await account('countersign/idle');
  await account('countersign/wide');
  await issue('okta/gone', ['*'], 20);
  await account('okta/gone', { kind: 'human', owner: null, expiresAt: null, active: false });
  await issue('countersign/fine', ['orders'], 20);
  await issue('countersign/eternal', ['orders'], 200);
  await issue('countersign/idle', ['orders'], 200);
  await issue('countersign/wide', ['orders', 'payroll'], 200);
  await world.control.lockout({
    by: 'test',
    reason: 'test',
    incidentId: null,
    idempotencyKey: null,
    automation: null,
    subjectKind: 'identity',
    subject: 'okta/locked',
    ttlMs: null,
    exerciseId: null,
  });
  await world.relay();
  const opened = (id: string, user: string, connection: string, daysAgo: number) => ({
    id,
    document: {
      '@timestamp': START + (100 - daysAgo) * DAY_MS,
      'event.action': 'session_opened',
      'user.id': user,
      'countersign.connection': connection,
    },
  });
  const review = createReview({ tokens, view: world.view, search, clock }, world.settings.review);
  const first = await review();
  const kindsOf = (found: typeof first, id: string): string[] =>
    found.findings.filter(({ identityId }) => identityId === id).map(({ kind }) => kind);
  assert.deepEqual(kindsOf(first, 'countersign/fine'), []);
  assert.deepEqual(kindsOf(first, 'okta/alice'), []);
  assert.deepEqual(kindsOf(first, 'countersign/orphan'), ['no_owner']);
  assert.deepEqual(kindsOf(first, 'countersign/of-gone'), ['owner_gone']);
  assert.deepEqual(kindsOf(first, 'countersign/of-locked'), ['owner_gone']);
  assert.deepEqual(kindsOf(first, 'countersign/of-nobody'), ['owner_gone']);
  assert.deepEqual(kindsOf(first, 'countersign/eternal'), ['no_expiry', 'long_token']);
  assert.deepEqual(kindsOf(first, 'okta/gone'), ['ex_member']);
  assert.deepEqual(kindsOf(first, 'countersign/idle'), ['long_token'], 'too young to be unused');
  // A hundred days later.
  await search.create('session-events', [
    opened('1', 'countersign/eternal', 'orders', 5),
    opened('2', 'countersign/wide', 'orders', 5),
    opened('3', 'countersign/wide', 'payroll', 95),
    opened('4', 'countersign/idle', 'orders', 95),
  ]);
  await search.refresh();
  const then = { ...clock, now: () => START + 100 * DAY_MS };
  const later = await createReview(
    { tokens, view: world.view, search, clock: then },
    world.settings.review,
  )();
  assert.ok(later.usageKnown);
  assert.deepEqual(kindsOf(later, 'countersign/idle'), ['long_token', 'unused']);
  assert.deepEqual(kindsOf(later, 'countersign/eternal'), ['no_expiry', 'long_token']);
  const [, wide] = later.findings.filter(({ identityId }) => identityId === 'countersign/wide');
  assert.equal(wide?.kind, 'unused_rights');
  assert.match(wide.detail, /never opened payroll/);
  const blind = createReview(
    {
      tokens,
      view: world.view,
      search: { ...search, aggregate: () => Promise.reject(new Error('away')) },
      clock,
    },
    world.settings.review,
  );
  assert.equal((await blind()).usageKnown, false, 'and the rest is told all the same');
});
