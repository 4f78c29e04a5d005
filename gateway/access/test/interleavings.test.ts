/** No order of issuing, exchanging, showing, revoking, locking out, releasing and expiring lets somebody act who may not. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import type { TokenRecord } from '../access.ts';
import { createTokenExchange } from '../exchange/token-exchange.ts';
import { createCertificateSources } from '../proof/certificates.ts';
import { startIssuer } from './support/issuer.ts';
import { openWorld, START } from './support/world.ts';

type Step =
  | { readonly do: 'show' | 'exchange' | 'delegate'; readonly jwt: number }
  | { readonly do: 'revoke'; readonly token: number }
  | { readonly do: 'lockout' | 'release'; readonly person: number }
  | { readonly do: 'wait'; readonly ms: number };

/** What the test knows of a token. */
interface Known {
  readonly record: TokenRecord;
  readonly people: readonly number[];
  /** The JSON web token that it came from. */
  readonly jwt: number;
  readonly expiresAt: number;
  revoked: boolean;
}

const CONTEXT = { clientIp: '192.0.2.7' };
const PEOPLE = 2;
const JWTS = 4;
const CALL = { by: 'test', reason: 'test', incidentId: null, idempotencyKey: null, automation: null };
const seconds = START / 1000;

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constantFrom('show', 'exchange', 'delegate'), jwt: fc.nat(JWTS - 1) }),
  fc.record({ do: fc.constant('revoke'), token: fc.nat(20) }),
  fc.record({ do: fc.constantFrom('lockout', 'release'), person: fc.nat(PEOPLE - 1) }),
  fc.record({ do: fc.constant('wait'), ms: fc.constantFrom(1000, 15_000, 60_000, 200_000) }),
);

async function play(
  t: TestContext,
  issuer: Awaited<ReturnType<typeof startIssuer>>,
  steps: readonly Step[],
): Promise<number> {
  const world = openWorld(t, {
    access: {
      issuers: [
        {
          name: 'idp',
          kind: 'oidc',
          issuer: issuer.url,
          audiences: ['a'],
          rules: [{ name: 'r', connections: ['*'], actors: ['*/bot'], ttlMsMax: 300_000 }],
        },
      ],
    },
  });
  const { access, control, clock } = world;
  const exchange = createTokenExchange({
    ...world,
    certificates: createCertificateSources(world, world.settings),
  });
  const jwts = await Promise.all(
    Array.from({ length: JWTS }, (_, index) =>
      issuer.sign({
        iss: issuer.url,
        aud: 'a',
        sub: `p${index % PEOPLE}`,
        jti: String(index),
        iat: seconds,
        exp: seconds + 400,
      }),
    ),
  );
  const bot = await issuer.sign({ iss: issuer.url, aud: 'a', sub: 'bot', iat: seconds, exp: seconds + 4000 });
  const known = new Map<string, Known>();
  const locked = new Map<number, string>();
  /** Tokens that were revoked with a lockout or by name; also what shows them again must fail. */
  const burnt = new Set<number>();
  let refused = 0;
  const learn = (record: TokenRecord, jwt: number): void => {
    if (known.has(record.tokenId)) return;
    const people = [jwt % PEOPLE];
    known.set(record.tokenId, { record, people, jwt, expiresAt: record.identity.expiresAt!, revoked: false });
  };
  const attempt = async ({ do: kind, jwt }: Extract<Step, { jwt: number }>): Promise<void> => {
    const token = jwts[jwt]!;
    let record: TokenRecord | undefined;
    if (kind === 'show') {
      const shown = await access.verifyBearer(token, { connection: 'x', ...CONTEXT });
      if (shown.ok) record = shown.value;
    } else {
      const made = await exchange.exchange(
        { subjectToken: token, actorToken: kind === 'delegate' ? bot : null },
        CONTEXT,
      );
      const verified = made.ok
        ? await access.verifyBearer(made.value.token, { connection: 'x', ...CONTEXT })
        : made;
      if (verified.ok) record = verified.value;
    }
    if (record === undefined) {
      refused += 1;
      return;
    }
    assert.ok(clock.now() < START + 400_000, 'an expired token was taken');
    if (kind !== 'delegate') assert.ok(!burnt.has(jwt), 'what was revoked came back');
    learn(record, jwt);
  };
  /** Every token that is known, asked now. */
  const check = (): void => {
    for (const { record, people, expiresAt, revoked } of known.values()) {
      const may = access.admit(record, 'x', CONTEXT).ok;
      const mayNot = revoked || expiresAt <= clock.now() || people.some((person) => locked.has(person));
      if (mayNot) assert.ok(!may, `${record.identity.id} acted though it may not`);
      else assert.ok(may, `${record.identity.id} may act, and could not`);
    }
  };
  for (const one of steps) {
    switch (one.do) {
      case 'show':
      case 'exchange':
      case 'delegate':
        await attempt(one);
        break;
      case 'revoke': {
        const found = [...known.values()][one.token];
        if (found === undefined) break;
        await control.revokeToken(found.record.tokenId, CALL);
        await world.relay();
        found.revoked = true;
        if (found.record.principals.length === 0) burnt.add(found.jwt);
        break;
      }
      case 'lockout': {
        if (locked.has(one.person)) break;
        const made = await control.lockout({
          ...CALL,
          subjectKind: 'identity',
          subject: `idp/p${one.person}`,
          ttlMs: null,
          exerciseId: null,
        });
        assert.ok(made.ok);
        await world.relay();
        locked.set(one.person, made.value.lockout.lockoutId);
        // It takes the person's own tokens with it for good; those of agents rest until it is released.
        for (const token of known.values())
          if (token.record.identity.id === `idp/p${one.person}`) {
            token.revoked = true;
            burnt.add(token.jwt);
          }
        break;
      }
      case 'release': {
        const lockoutId = locked.get(one.person);
        if (lockoutId === undefined) break;
        await control.release(lockoutId, CALL);
        await world.relay();
        locked.delete(one.person);
        break;
      }
      default:
        clock.advance(one.ms);
    }
    check();
  }
  return refused;
}

test('no interleaving lets a revoked, expired or locked-out identity act', async (t) => {
  const issuer = await startIssuer();
  t.after(() => issuer.close());
  let refused = 0;
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 25 }), async (steps) => {
      refused += await play(t, issuer, steps);
      runs += 1;
    }),
    { seed: 20_261_124, numRuns: 150 },
  );
  assert.ok(runs >= 150 && refused > 20, `it was tried: ${refused} refusals in ${runs} runs`);
});
