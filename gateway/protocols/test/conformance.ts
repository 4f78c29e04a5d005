/**
 * What every protocol owes to Sessions and to its clients, whatever it speaks: opens, refusals, requests, decisions, holds, kills,
 * lost ends, backpressure, and an end for every session. A protocol is done when it passes this with a real target and client.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createSystemClock } from '../../../platform/clock/system-clock.ts';
import { until } from '../../../test/support/until.ts';
import type { SeenSession, TestSessions } from './test-sessions.ts';

const clock = createSystemClock();

export interface Gateway extends TestSessions {
  stop(): Promise<void>;
}

export interface ConformanceClient {
  /** Runs a command that prints `text`. Its text in the request holds `text`, too. `error`: what the client was told. */
  print(text: string): Promise<{ readonly output: string; readonly error: string }>;
  /** Runs something without end; `gone` resolves when the client knows that it is over. */
  runForever(): Promise<{ running(): Promise<boolean>; readonly gone: Promise<void> }>;
  /** Runs a command that prints so many bytes, and takes them; the number that came. */
  receive(bytes: number): Promise<number>;
  /** Closes its socket without a word. */
  vanish(): void;
  close(): Promise<void>;
}

export interface Stage {
  readonly gateway: Gateway;
  logIn(): Promise<ConformanceClient>;
  /** Tries to log in: with a wrong secret; on a connection that admission denies; on one that Sessions refuses. What the client is told. */
  failToLogIn(how: 'wrong' | 'locked' | 'refused'): Promise<string>;
  /** Ends the target's side of the newest session, as if the target had broken down. */
  loseTarget(): Promise<void>;
  stop(): Promise<void>;
}

export interface ConformanceOptions {
  readonly skip?: string | false;
  start(): Promise<Stage>;
  /** With room for so many sessions only. */
  startSmall(sessionsMax: number): Promise<Stage>;
}

export function protocolConformance(
  name: string,
  { skip = false, start, startSmall }: ConformanceOptions,
): void {
  describe(`protocol conformance: ${name}`, { skip }, () => {
    let stage: Stage;
    before(async () => {
      stage = await start();
    });
    after(() => stage?.stop());
    beforeEach(() => {
      stage.gateway.decide = () => 'allow';
    });
    const last = (): SeenSession => stage.gateway.sessions.at(-1)!;
    const ended = (seen: SeenSession): Promise<void> =>
      until('the session has its end', () => seen.closes.length > 0);
    /** Each request that ran has one response, and the session one end. */
    const complete = (seen: SeenSession): void => {
      assert.equal(seen.closes.length, 1);
      for (const { outcome, responses, input } of seen.requests)
        assert.equal(responses.length, outcome === 'deny' ? 0 : 1, `${input.verb} ${input.text}`);
    };

    it('opens a session with who, from where and to what, and how it is found again in the target', async () => {
      const client = await stage.logIn();
      const { opening } = last();
      assert.equal(opening.identity.id, 'countersign/robot');
      assert.equal(opening.client.ip, '127.0.0.1');
      assert.ok(opening.client.port > 0);
      assert.equal(opening.target.connection, 'main');
      assert.equal(opening.target.protocol, name);
      assert.ok(opening.target.role);
      assert.ok(opening.authentication !== '' && opening.targetSession);
      await client.close();
      await ended(last());
      assert.equal(last().closes[0]!.reason, 'client_closed');
      complete(last());
    });

    for (const how of ['wrong', 'locked', 'refused'] as const)
      it(`refuses a login (${how}): the client hears it, no session is left open`, async () => {
        const opened = stage.gateway.sessions.length;
        const refused = stage.gateway.refusals.length;
        const told = await stage.failToLogIn(how);
        if (how !== 'wrong') assert.match(told, /locked out/);
        assert.ok(told.length > 0);
        assert.equal(stage.gateway.sessions.length, opened);
        // Sessions itself writes the event where it refuses.
        if (how !== 'refused') await until('it is told', () => stage.gateway.refusals.length > refused);
      });

    it('puts a command to the gate before it runs, and reports its answer once', async () => {
      const client = await stage.logIn();
      assert.match((await client.print('conforming')).output, /conforming/);
      await client.close();
      await ended(last());
      const [request] = last().requests;
      assert.match(request!.input.text, /conforming/);
      assert.equal(request!.responses[0]!.status, 'ok');
      assert.ok(request!.responses[0]!.bytes > 0 && request!.responses[0]!.durationUs > 0);
      assert.equal(request!.responses[0]!.bodyDigest?.length, 32);
      assert.ok(
        last().recorded.some(({ stream, bytes }) => stream === 'out' && bytes.includes('conforming')),
      );
      complete(last());
    });

    it('a denial reaches the client with the decision; the session goes on', async () => {
      stage.gateway.decide = ({ text }) => (text.includes('forbidden') ? 'deny' : 'allow');
      const client = await stage.logIn();
      const denied = await client.print('forbidden');
      assert.doesNotMatch(denied.output, /forbidden/);
      assert.match(denied.error, /denied by policy: the test says so/);
      assert.match(denied.error, /0193a000-0000-7000-8000-\d{12}/);
      assert.match((await client.print('permitted')).output, /permitted/);
      await client.close();
      await ended(last());
      assert.ok(last().requests.some(({ outcome }) => outcome === 'deny'));
      complete(last());
    });

    it('a hold keeps the command back until it is released or denied', async () => {
      let answer: (outcome: 'allow' | 'deny') => void = () => undefined;
      stage.gateway.decide = () =>
        new Promise((resolve) => {
          answer = resolve;
        });
      const client = await stage.logIn();
      for (const outcome of ['allow', 'deny'] as const) {
        const count = last().requests.length;
        const printed = client.print(`held-${outcome}`);
        await until('it is held', () => last().requests.length > count);
        assert.ok(
          !last().recorded.some(({ stream, bytes }) => stream === 'out' && bytes.includes(`held-${outcome}`)),
        );
        answer(outcome);
        const { output, error } = await printed;
        if (outcome === 'allow') assert.match(output, /held-allow/);
        else assert.match(error, /denied by policy/);
      }
      await client.close();
      await ended(last());
    });

    it('a budget of bytes: the answer is cut off there, the client keeps its connection or hears why', async () => {
      const client = await stage.logIn();
      const seen = last();
      stage.gateway.limits = { bytesMax: 1_000_000 };
      try {
        // Clients that make one answer of it know nothing of its beginning.
        const received = await client.receive(8_000_000).catch(() => 0);
        assert.ok(received <= 1_000_000, `${received} bytes`);
        const recorded = seen.recorded
          .filter(({ stream }) => stream === 'out')
          .reduce((sum, { bytes }) => sum + bytes.length, 0);
        assert.ok(recorded > 0 && recorded < 1_100_000, `${recorded} bytes recorded`);
        assert.equal(seen.requests.at(-1)!.responses[0]!.status, 'cut_off');
        assert.match(seen.requests.at(-1)!.responses[0]!.errorMessage ?? '', /more than 1000000 bytes/);
      } finally {
        stage.gateway.limits = undefined;
      }
      await client.close();
      await ended(seen);
      complete(seen);
    });

    it('a client that vanishes while its command is held: it never runs, the books are whole', async () => {
      let answer: (outcome: 'allow') => void = () => undefined;
      stage.gateway.decide = () =>
        new Promise((resolve) => {
          answer = resolve;
        });
      const client = await stage.logIn();
      client.print('vanished').catch(() => undefined);
      const seen = last();
      await until('it is held', () => seen.requests.length > 0);
      client.vanish();
      await ended(seen);
      answer('allow');
      await until('it is reported', () => seen.requests[0]!.responses.length === 1);
      assert.notEqual(seen.requests[0]!.responses[0]!.status, 'ok');
      assert.ok(!seen.recorded.some(({ stream }) => stream === 'out'));
    });

    for (const reason of ['killed', 'lockout'] as const)
      it(`an order to end (${reason}) cuts the client off and ends what runs in the target`, async () => {
        const client = await stage.logIn();
        const { running, gone } = await client.runForever();
        await until('it runs', running);
        const seen = last();
        seen.end(reason);
        await gone;
        await until('it is gone', async () => !(await running()));
        await ended(seen);
        assert.equal(seen.closes[0]!.reason, reason);
        assert.equal(seen.requests.at(-1)!.responses[0]!.status, 'cut_off');
        complete(seen);
      });

    it('a client that is gone leaves nothing running', async () => {
      const client = await stage.logIn();
      const { running } = await client.runForever();
      await until('it runs', running);
      client.vanish();
      await until('it is gone', async () => !(await running()));
      await ended(last());
      assert.equal(last().closes[0]!.reason, 'client_closed');
      complete(last());
    });

    it('a target that is lost ends the session; the client hears it', async () => {
      const client = await stage.logIn();
      const { running, gone } = await client.runForever();
      await until('it runs', running);
      await stage.loseTarget();
      await gone;
      await ended(last());
      assert.equal(last().closes[0]!.reason, 'target_closed');
      complete(last());
    });

    it('a recording that lags holds the answer back, and nothing is lost', async () => {
      const bytes = 8_000_000;
      const client = await stage.logIn();
      let release: () => void = () => undefined;
      stage.gateway.recordingBlocked = new Promise((resolve) => {
        release = resolve;
      });
      const received = client.receive(bytes);
      await until('it has begun', () => last().requests.length > 0);
      await clock.sleep(400);
      const ahead = last().recorded.reduce((sum, piece) => sum + piece.bytes.length, 0);
      assert.ok(ahead < 2_000_000, `${ahead} bytes ahead of the recording`);
      stage.gateway.recordingBlocked = undefined;
      release();
      assert.ok((await received) >= bytes);
      await client.close();
      await ended(last());
      complete(last());
    });
  });

  describe(`protocol conformance: ${name}: limits and the end`, { skip }, () => {
    it('takes no more sessions than it may, and ends those that are open when it stops', async () => {
      const stage = await startSmall(1);
      let stopped = false;
      try {
        const client = await stage.logIn();
        const { gone } = await client.runForever();
        await assert.rejects(stage.logIn());
        assert.equal(stage.gateway.sessions.length, 1);
        const stop = stage.gateway.stop();
        await gone;
        await stop;
        stopped = true;
        const [seen] = stage.gateway.sessions;
        await until('the session has its end', () => seen!.closes.length > 0);
        assert.equal(seen!.closes[0]!.reason, 'gateway_shutdown');
      } finally {
        if (!stopped) await stage.gateway.stop();
        await stage.stop();
      }
    });
  });
}
