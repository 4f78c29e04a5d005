/** DPoP proofs at two gateways on one PostgreSQL control store: each is good once, wherever. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SignJWT } from 'jose';
import { createManualClock, createSeededRandom } from '../../../platform/clock/manual-clock.ts';
import { createSystemClock } from '../../../platform/clock/system-clock.ts';
import type { ControlStore } from '../../../platform/control-store/control-store.ts';
import { startStoreServer, type StoreServer } from '../../../platform/control-store/postgres/test/support.ts';
import { createExchanger } from '../exchange/exchanger.ts';
import type { Party } from '../exchange/party.ts';
import { createDpopProofs } from '../proof/dpop.ts';
import { forgettingOfProofs } from '../proof/spent-proofs.ts';
import { makeKey } from './support/issuer.ts';
import { codeOf, START } from './support/world.ts';

const CALL = { method: 'GET', url: 'https://gateway.example/v1/whoami', token: null };

describe('DPoP proofs at several gateways', () => {
  let servers: StoreServer;
  let stores: ControlStore[];
  const clock = createManualClock(START);
  before(async () => {
    servers = await startStoreServer();
    const schema = servers.newSchema();
    const open = () => servers.open({ schema }, { clock: createSystemClock() });
    stores = [await open(), await open()];
  });
  after(async () => {
    for (const store of stores ?? []) await store.close();
    await servers.stop();
  });

  const proofOf = async (jti: string): Promise<string> => {
    const key = await makeKey('client');
    return new SignJWT({ htm: CALL.method, htu: CALL.url, iat: START / 1000, jti })
      .setProtectedHeader({ typ: 'dpop+jwt', alg: key.alg, jwk: key.jwk })
      .sign(key.privateKey);
  };
  const verifyAt = async (store: ControlStore, proof: string) => {
    const proofs = createDpopProofs({ clock, store });
    const verified = await proofs.verify(proof, CALL);
    assert.ok(verified.ok && verified.value.proofId !== undefined);
    return { proofId: verified.value.proofId, spend: () => proofs.spend(verified.value.proofId!) };
  };

  it('are used up for all of them by one call, also when it comes to both at once', async () => {
    const proof = await proofOf('1');
    const both = await Promise.all(stores.map((store) => verifyAt(store, proof)));
    const answers = await Promise.all(both.map(({ spend }) => spend()));
    assert.equal(answers.filter(({ ok }) => ok).length, 1);
    assert.equal(codeOf(answers.find(({ ok }) => !ok)!), 'ACCESS_PROOF_WRONG');
    assert.ok((await (await verifyAt(stores[0]!, await proofOf('2'))).spend()).ok, 'another one is good');
  });

  it('are used up by an exchange, which gives one token', async () => {
    const proof = await proofOf('3');
    const party: Party = {
      identityId: 'ci/alice',
      accounts: [{ id: 'ci/alice', kind: 'human', displayName: 'alice', groups: [] }],
      principals: [],
      actors: [],
      attributes: {},
      credentialSource: null,
      issuedAt: START,
      expiresAt: START + 60_000,
      connections: ['*'],
      networks: [],
      bindAddress: false,
      bindKey: 'dpop',
      confirmedKeys: [],
      shown: [{ digest: 'd', until: START + 60_000, oneUse: false, issuer: 'ci' }],
    };
    const answers = await Promise.all(
      stores.map(async (store) => {
        const { proofId } = await verifyAt(store, proof);
        const exchanger = createExchanger(
          { store, clock, random: createSeededRandom(1), onAccount: () => undefined },
          { scramIterations: 4096, tokenTtlMsMax: 60_000 },
        );
        const context = {
          connection: null,
          clientIp: '192.0.2.1',
          proofOfKey: { kind: 'dpop', thumbprint: 't', proofId },
        } as const;
        return exchanger.issue(party, { by: 'exchange' }, context);
      }),
    );
    assert.equal(answers.filter(({ ok }) => ok).length, 1);
    assert.equal(codeOf(answers.find(({ ok }) => !ok)!), 'ACCESS_PROOF_WRONG');
  });

  it('are forgotten when they are good for nothing any more; where one process has the store, nothing is written', async () => {
    const entry = { id: 'x', revision: 1, value: { at: START } };
    assert.equal(forgettingOfProofs.isOver(entry, START + 500_000), false);
    assert.equal(forgettingOfProofs.isOver(entry, START + 700_000), true);
    const alone = createDpopProofs({ clock, store: { transact: () => assert.fail('written') } });
    const proof = await proofOf('4');
    const verified = await alone.verify(proof, CALL);
    assert.ok(verified.ok && verified.value.proofId === undefined);
    assert.equal(codeOf(await alone.verify(proof, CALL)), 'ACCESS_PROOF_WRONG');
  });
});
