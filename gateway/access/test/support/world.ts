/** Access on a real control store, with outside issuers, and the control topic played by the test. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import Value from 'typebox/value';
import { createManualClock, createSeededRandom } from '../../../../platform/clock/manual-clock.ts';
import { createInProcessControlStore } from '../../../../platform/control-store/sqlite/sqlite-control-store.ts';
import { createCodec } from '../../../../schemas/codec.ts';
import { AccessConfig } from '../../../../schemas/config/access.ts';
import { ControlStoreConfig } from '../../../../schemas/config/control-store.ts';
import { GatewayConfig } from '../../../../schemas/config/gateway.ts';
import { createControlView } from '../../../control/control-view.ts';
import { playRelay } from '../../../control/test/play-relay.ts';
import { createControlWriter } from '../../../control/control-writer.ts';
import { createAccess, type OwnAccess } from '../../create-access.ts';
import { createExchanger } from '../../exchange/exchanger.ts';
import { createIssuers } from '../../issuers/issuers.ts';
import { createTokenStore } from '../../token-store.ts';

export const START = Date.UTC(2026, 10, 24, 12);

export interface WorldOptions {
  readonly access: Record<string, unknown>;
  readonly secrets?: Readonly<Record<string, string>>;
}

/** Every field that is left out has its default. */
export function accessConfig(given: Record<string, unknown>): AccessConfig {
  const filled: unknown = Value.Default(AccessConfig, structuredClone(given));
  const problems = [...Value.Errors(AccessConfig, filled)];
  assert.deepEqual(problems, []);
  return filled as AccessConfig;
}

export function openWorld(t: TestContext, options: WorldOptions) {
  const clock = createManualClock(START);
  const random = createSeededRandom(7);
  const store = createInProcessControlStore(
    { clock },
    {
      ...(Value.Default(ControlStoreConfig, {}) as ControlStoreConfig),
      file: ':memory:',
      transactionTimeoutMs: 600_000,
    },
  );
  const config = Value.Default(GatewayConfig, {}) as GatewayConfig;
  const settings = accessConfig(options.access);
  const readSecret = (reference: object): Promise<string> =>
    Promise.resolve(options.secrets?.[String(Object.values(reference)[0])] ?? '');
  const issuers = createIssuers({ clock, readSecret }, settings);
  const view = createControlView({ clock });
  const codec = createCodec('control-record');
  const control = createControlWriter({ store, clock, random, codec }, config);
  const tokens = createTokenStore({ store, clock, random }, config);
  /** A gateway on the same control store; each has its own of what is kept in memory. */
  const openGateway = () => {
    const exchanger = createExchanger(
      { store, clock, random, onAccount: (identityId) => access.forget(identityId) },
      config,
    );
    const access: OwnAccess = createAccess(
      {
        tokens,
        view,
        lease: { held: () => true },
        clock,
        decoySecret: Buffer.alloc(32, 1),
        outside: { issuers, exchanger },
      },
      config,
    );
    return { access, exchanger };
  };
  const { access, exchanger } = openGateway();
  const relay = async (): Promise<void> => void (await playRelay(store, view));
  t.after(async () => {
    issuers.close();
    await store.close();
  });
  return {
    clock,
    random,
    store,
    config,
    settings,
    view,
    control,
    tokens,
    access,
    exchanger,
    issuers,
    relay,
    openGateway,
  };
}
export type World = ReturnType<typeof openWorld>;

/** The code of a refusal. */
export function codeOf(result: { readonly ok: boolean; readonly error?: { readonly code: string } }): string {
  assert.ok(!result.ok, 'it was let in');
  return result.error!.code;
}
