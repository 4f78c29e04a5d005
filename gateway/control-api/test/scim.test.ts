/** SCIM 2.0 over HTTP, as Okta and Entra push: people, groups, filters, pages, patches; and what follows for tokens. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { parseFilter } from '../../access/scim/filter.ts';
import { patched } from '../../access/scim/patch.ts';
import { accessConfig } from '../../access/test/support/world.ts';
import { openWorld, type Answer } from './support.ts';

const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
type Body = Record<string, unknown>;

async function open(t: TestContext) {
  const world = await openWorld(
    t,
    {},
    accessConfig({
      issuers: [
        {
          name: 'okta',
          kind: 'oidc',
          issuer: 'https://idp.example',
          audiences: ['a'],
          groupsFrom: 'scim',
          rules: [{ name: 'people', connections: ['*'] }],
        },
      ],
      scim: { issuer: 'okta' },
      groupScopes: { oncall: ['read'] },
    }),
  );
  const scim = (method: string, path: string, body?: object, token = 'token-scim'): Promise<Answer<Body>> =>
    world.call<Body>(method, `/scim/v2${path}`, {
      token,
      ...(body === undefined ? {} : { body }),
      headers: body === undefined ? {} : { 'content-type': 'application/scim+json' },
    });
  const user = async (userName: string, externalId = `00u-${userName}`): Promise<string> => {
    const made = await scim('POST', '/Users', {
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
      userName,
      externalId,
      displayName: userName.toUpperCase(),
      name: { familyName: 'F', givenName: 'G' },
      emails: [{ value: `${userName}@example.org`, type: 'work', primary: true }],
      password: 'never kept',
      active: true,
    });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    return String(made.body['id']);
  };
  const group = async (displayName: string, ids: readonly string[]): Promise<string> => {
    const made = await scim('POST', '/Groups', { displayName, members: ids.map((value) => ({ value })) });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    return String(made.body['id']);
  };
  const tokenOf = async (identityId: string): Promise<string> => {
    const issued = await world.tokens.issue({
      identityId,
      connections: ['*'],
      ttlMs: 600_000,
      credentialSource: null,
      attributes: {},
      by: 'test',
    });
    assert.ok(issued.ok, JSON.stringify(issued));
    return issued.value.token;
  };
  const whoami = async (token: string): Promise<Body> => {
    await world.relay();
    return (await world.call<Body>('GET', '/v1/whoami', { token })).body;
  };
  const patch = (path: string, ...operations: object[]): Promise<Answer<Body>> =>
    scim('PATCH', path, { schemas: [PATCH], Operations: operations });
  return { world, scim, user, group, tokenOf, whoami, patch };
}

describe('SCIM', () => {
  it('needs a token of its own, and says what it can', async (t) => {
    const { scim } = await open(t);
    for (const token of ['token-read', 'token-issue', 'token-contain'])
      assert.equal((await scim('GET', '/Users', undefined, token)).status, 403);
    assert.equal((await scim('GET', '/Users', undefined, 'wrong')).status, 401);
    const config = await scim('GET', '/ServiceProviderConfig');
    assert.match(String(config.type), /application\/scim\+json/);
    assert.deepEqual(config.body['patch'], { supported: true });
    assert.equal((await scim('GET', '/ResourceTypes')).body['totalResults'], 2);
    const absent = await scim('GET', '/Users/nobody');
    assert.equal(absent.status, 404);
    assert.deepEqual(absent.body['schemas'], ['urn:ietf:params:scim:api:messages:2.0:Error']);
    assert.equal(absent.body['status'], '404');
  });

  it('people and groups make identities with their groups', async (t) => {
    const { world, scim, user, group, tokenOf, whoami } = await open(t);
    const alice = await user('alice');
    const read = await scim('GET', `/Users/${alice}`);
    assert.equal(read.body['userName'], 'alice');
    assert.equal(read.body['password'], undefined);
    assert.equal((read.body['meta'] as Body)['resourceType'], 'User');
    const taken = await scim('POST', '/Users', { userName: 'ALICE', externalId: 'other' });
    assert.equal(taken.status, 409);
    assert.equal(taken.body['scimType'], 'uniqueness');
    assert.equal((await scim('POST', '/Users', { userName: 'x' })).status, 400, 'nobody whom it stands for');
    assert.equal((await scim('POST', '/Users', { userName: 'x', externalId: '00u-alice' })).status, 409);
    await group('oncall', [alice]);
    const identity = await world.tokens.getIdentity('okta/00u-alice');
    assert.deepEqual(identity?.groups, ['oncall']);
    assert.equal(identity?.attributes['email'], 'alice@example.org');
    assert.deepEqual(await whoami(await tokenOf('okta/00u-alice')), {
      subject: 'okta/00u-alice',
      scopes: ['read'],
    });
    const [shown] = (await scim('GET', `/Users/${alice}`)).body['groups'] as Body[];
    assert.equal(shown?.['display'], 'oncall');
    assert.ok(world.actions.some(({ action }) => action === 'scim.user.create'));
  });

  it('filters and pages', async (t) => {
    const { scim, user } = await open(t);
    for (const name of ['ann', 'bea', 'cleo', 'dora', 'eve']) await user(name);
    const find = async (filter: string, more = ''): Promise<Body> =>
      (await scim('GET', `/Users?filter=${encodeURIComponent(filter)}${more}`)).body;
    const names = (body: Body): unknown[] => (body['Resources'] as Body[]).map(({ userName }) => userName);
    assert.deepEqual(names(await find('userName eq "BEA"')), ['bea']);
    assert.deepEqual(names(await find('externalId eq "00u-cleo"')), ['cleo']);
    assert.deepEqual(names(await find('emails[type eq "work" and value sw "dora"]')), ['dora']);
    assert.deepEqual(
      names(await find('not (userName sw "a") and (userName co "e" or displayName eq "DORA")')),
      ['bea', 'cleo', 'dora', 'eve'],
    );
    const page = (await scim('GET', '/Users?startIndex=2&count=2')).body;
    assert.deepEqual(
      [page['totalResults'], page['startIndex'], page['itemsPerPage'], names(page)],
      [5, 2, 2, ['bea', 'cleo']],
    );
    assert.equal((await scim('GET', '/Users?count=0')).body['totalResults'], 5);
    const wrong = await scim('GET', `/Users?filter=${encodeURIComponent('userName is "x"')}`);
    assert.equal(wrong.status, 400);
    assert.equal(wrong.body['scimType'], 'invalidFilter');
  });

  it('whoever is deactivated is out at once, and in again when activated', async (t) => {
    const { world, scim, user, group, tokenOf, whoami, patch } = await open(t);
    const alice = await user('alice');
    await group('oncall', [alice]);
    const token = await tokenOf('okta/00u-alice');
    assert.equal((await whoami(token))['subject'], 'okta/00u-alice');
    // As Entra sends it.
    const off = await patch(`/Users/${alice}`, { op: 'Replace', path: 'active', value: 'False' });
    assert.equal(off.status, 200);
    assert.equal(off.body['active'], false);
    assert.equal((await whoami(token))['code'], 'TOKEN_REVOKED');
    const again = await world.tokens.issue({
      identityId: 'okta/00u-alice',
      connections: ['*'],
      ttlMs: 1000,
      credentialSource: null,
      attributes: {},
      by: 'test',
    });
    assert.ok(!again.ok);
    assert.equal(again.error.code, 'IDENTITY_OVER');
    const lockouts = await world.control.listLockouts({ limit: 10 });
    assert.deepEqual(
      lockouts.map(({ subject, releasedAt }) => [subject, releasedAt]),
      [['okta/00u-alice', null]],
    );
    // As Okta does.
    const on = await patch(`/Users/${alice}`, { op: 'replace', value: { active: true } });
    assert.equal(on.body['active'], true);
    assert.equal((await whoami(token))['code'], 'TOKEN_REVOKED', 'old tokens stay dead');
    assert.equal((await whoami(await tokenOf('okta/00u-alice')))['subject'], 'okta/00u-alice');
    const gone = await scim('DELETE', `/Users/${alice}`);
    assert.equal(gone.status, 204);
    assert.equal((await scim('GET', `/Users/${alice}`)).status, 404);
    assert.equal((await world.tokens.getIdentity('okta/00u-alice'))?.active, false);
    assert.deepEqual((await world.tokens.getIdentity('okta/00u-alice'))?.groups, ['oncall']);
  });

  it('a group that is lost between login and use: the tokens that knew it end, those of others do not', async (t) => {
    const { user, group, tokenOf, whoami, patch, scim, world } = await open(t);
    const [alice, bob] = [await user('alice'), await user('bob')];
    const oncall = await group('oncall', [alice, bob]);
    const [aliceToken, bobToken] = [await tokenOf('okta/00u-alice'), await tokenOf('okta/00u-bob')];
    assert.deepEqual((await whoami(aliceToken))['scopes'], ['read']);
    const removed = await patch(`/Groups/${oncall}`, { op: 'remove', path: `members[value eq "${alice}"]` });
    assert.equal(removed.status, 200, JSON.stringify(removed.body));
    assert.equal((await whoami(aliceToken))['code'], 'TOKEN_REVOKED');
    assert.deepEqual((await whoami(bobToken))['scopes'], ['read']);
    assert.deepEqual((await whoami(await tokenOf('okta/00u-alice')))['scopes'], []);
    // Gaining one harms nobody.
    await patch(`/Groups/${oncall}`, {
      op: 'add',
      path: 'members',
      value: [{ value: alice }, { value: bob }],
    });
    assert.deepEqual((await whoami(bobToken))['scopes'], ['read']);
    const members = (await scim('GET', `/Groups/${oncall}`)).body['members'] as Body[];
    assert.equal(members.length, 2);
    await scim('DELETE', `/Groups/${oncall}`);
    assert.equal((await whoami(bobToken))['code'], 'TOKEN_REVOKED');
    assert.deepEqual((await world.tokens.getIdentity('okta/00u-bob'))?.groups, []);
  });

  it('a renamed group, and a person who becomes somebody else', async (t) => {
    const { user, group, patch, world, scim } = await open(t);
    const alice = await user('alice');
    const id = await group('old', [alice]);
    await patch(`/Groups/${id}`, { op: 'replace', value: { id, displayName: 'new' } });
    assert.deepEqual((await world.tokens.getIdentity('okta/00u-alice'))?.groups, ['new']);
    const other = await patch(`/Users/${alice}`, { op: 'replace', path: 'externalId', value: '00u-root' });
    assert.equal(other.status, 400, 'whom it stands for stays');
    const put = await scim('PUT', `/Users/${alice}`, {
      userName: 'alice2',
      externalId: '00u-alice',
      active: true,
    });
    assert.equal(put.body['userName'], 'alice2');
    assert.equal(
      (await scim('POST', '/Users', { userName: 'alice', externalId: '00u-2' })).status,
      201,
      'the name is free',
    );
  });
});

describe('SCIM filters and patches, alone', () => {
  it('what is no filter is none', () => {
    for (const text of [
      '',
      'a',
      'a eq',
      'a eq b',
      '(a pr',
      'a pr)',
      'a[b pr',
      'not a pr',
      'a eq "x',
      'a pr and',
      '"a" eq "b"',
      'a eq {}',
      `${'('.repeat(40)}a pr${')'.repeat(40)}`,
      'x'.repeat(3000),
    ])
      assert.equal(parseFilter(text), undefined, text);
    const resource = { a: { B: [{ c: 1 }, { c: 5 }] }, t: 'x', n: null, f: false };
    for (const [text, is] of [
      ['a.b.c gt 4', true],
      ['a.b[c ge 2 and c lt 5].c pr', undefined],
      ['a.b[c ge 2 and c lt 5]', false],
      ['f eq false', true],
      ['n pr', false],
      ['urn:x:y:User:t eq "X"', true],
      ['t ne "x"', false],
      ['t eq null or t ew "x"', true],
    ] as const)
      assert.equal(parseFilter(text)?.(resource), is, text);
  });

  it('patches that make no sense change nothing', () => {
    const before = { members: [{ value: 'a' }, { value: 'b' }], emails: [{ type: 'work', value: 'x' }] };
    for (const operation of [
      { op: 'move', path: 'members' },
      { op: 'remove' },
      { op: 'replace', value: 'x' },
      { op: 'add', path: 'a[b', value: 1 },
      { op: 'replace', path: 'emails[type ne "work"].value', value: 'y' },
    ])
      assert.equal(patched(before, [operation]), undefined, JSON.stringify(operation));
    assert.deepEqual(
      patched(before, [
        { op: 'Remove', path: 'members', value: [{ value: 'a' }] },
        { op: 'add', path: 'emails[type eq "home"].value', value: 'z' },
        { op: 'replace', path: 'name.givenName', value: 'G' },
      ]),
      {
        members: [{ value: 'b' }],
        emails: [
          { type: 'work', value: 'x' },
          { type: 'home', value: 'z' },
        ],
        name: { givenName: 'G' },
      },
    );
    const evil = JSON.parse('{"__proto__": {"admin": true}}') as unknown;
    for (const path of ['name', '__proto__', 'constructor.prototype', 'emails[type eq "work"]'])
      patched({ ...before, name: { a: 1 } }, [{ op: 'add', path, value: evil }]);
    patched({ ...before, name: { a: 1 } }, [{ op: 'add', value: { name: evil } }]);
    assert.equal(({} as { admin?: boolean }).admin, undefined);
  });
});
