import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { Role } from '../../../platform/lifecycle/role.ts';
import { lacking } from '../../../test/servers/available.ts';
import { createAuthority } from '../../../test/servers/rsyslog/authority.ts';
import { startRsyslog, type TestRsyslog } from '../../../test/servers/rsyslog/rsyslog.ts';
import { sinkConformance } from './conformance.ts';
import {
  appendEvents,
  clock,
  ids,
  openStage,
  ownFolder,
  sinkConfig,
  startSinks,
  type Stage,
} from './support.ts';
import { until } from '../../../test/support/until.ts';

/** The delivery id, from the message itself. */
const deliveryOf = (message: string): string =>
  /"delivery":\{"id":"((?:[^"\\]|\\.)+)"/.exec(message)?.[1] ??
  /(?:^| )cs4=((?:[^ ]| (?!\w+=))+)/.exec(message)![1]!;

for (const format of ['ecs', 'cef'] as const) {
  sinkConformance(
    `syslog, ${format}`,
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'countersign-syslog-'));
      const authority = await createAuthority(folder, clock.now());
      const own = await authority.issue('own');
      const anothers = await (await createAuthority(folder, clock.now(), 'another')).issue('receiver');
      const shown = await authority.issue('shown');
      const client = await authority.issue('client');
      const server: TestRsyslog = await startRsyslog({
        caFile: authority.caFile,
        ...shown,
        clientCertificates: true,
      });
      const deliveries = (): string[] => server.messages().map(({ message }) => deliveryOf(message));
      let forgotten = 0;
      return {
        config: (given) =>
          sinkConfig({
            kind: 'syslog',
            host: server.host,
            port: server.port,
            format,
            lingerMs: 0,
            tls: {
              caFile: authority.caFile,
              certificateFile: client.certificateFile,
              keyFile: client.keyFile,
            },
            ...given,
          }),
        deliveries: () => deliveries().slice(forgotten),
        clear: () => (forgotten = server.messages().length),
        down: () => server.end('SIGTERM'),
        up: server.restart,
        async freeze() {
          server.freeze();
        },
        async wake() {
          server.wake();
        },
        async breakOff() {
          for (let time = 0; time < 2; time += 1) {
            const before = server.messages().length;
            await until('something comes', () => server.messages().length > before);
            await server.end('SIGKILL');
            await server.restart();
          }
        },
        async pretend(isAnother) {
          const next = isAnother ? anothers : own;
          copyFileSync(next.certificateFile, shown.certificateFile);
          copyFileSync(next.keyFile, shown.keyFile);
          await server.end('SIGTERM');
          await server.restart();
        },
        async stop() {
          await server.stop();
          rmSync(folder, { recursive: true, force: true });
        },
      };
    },
    lacking('rsyslogd'),
  );
}

describe('syslog sink', { skip: lacking('rsyslogd'), timeout: 60_000 }, () => {
  const open = async (t: TestContext) => {
    const folder = ownFolder(t);
    const authority = await createAuthority(folder, clock.now());
    const shown = await authority.issue('shown');
    const server = await startRsyslog({ caFile: authority.caFile, ...shown, clientCertificates: true });
    t.after(() => server.stop());
    const client = await authority.issue('client');
    const tls = {
      caFile: authority.caFile,
      certificateFile: client.certificateFile,
      keyFile: client.keyFile,
    };
    const start = async (given: object): Promise<{ stage: Stage; role: Role }> => {
      const stage = await openStage(t);
      const filter = { topics: ['session-events'] };
      const at = { kind: 'syslog', name: 'log', host: server.host, port: server.port, filter, lingerMs: 0 };
      return { stage, role: await startSinks(stage, [sinkConfig({ ...at, tls, ...given })]) };
    };
    const seen = (): Set<string> => new Set(server.messages().map(({ message }) => deliveryOf(message)));
    const arrived = (names: readonly string[]): Promise<void> =>
      until('all have come', () => names.every((name) => seen().has(`session-events/${name}`)));
    return { server, authority, start, arrived };
  };

  it('is not let in without a certificate where the receiver wants one', async (t) => {
    const { authority, server, start } = await open(t);
    const { stage, role } = await start({ tls: { caFile: authority.caFile } });
    await appendEvents(stage, 'k', ['a']);
    await until('it is said', () => role.health().reason?.startsWith('log: ') === true);
    assert.deepEqual(server.messages(), []);
  });

  it('can keep its connection, and opens another when that is gone', async (t) => {
    const { server, start, arrived } = await open(t);
    const { stage } = await start({ confirm: 'write' });
    await appendEvents(stage, 'k', ids(20, 'first'));
    await arrived(ids(20, 'first'));
    await server.end('SIGTERM');
    await server.restart();
    await appendEvents(stage, 'k', ids(20, 'second'));
    await arrived(ids(20, 'second'));
  });

  it('writes what rsyslog reads as RFC 5424', async (t) => {
    const { server, start, arrived } = await open(t);
    const { stage } = await start({ hostname: 'gate.example', facilityLevel: 4 });
    await appendEvents(stage, 'k', ['odd "id" ]\\']);
    await until('it comes', () => server.messages().length === 1);
    const [message] = server.messages();
    assert.equal(message!.hostname, 'gate.example');
    assert.equal(message!.appName, 'countersign');
    assert.equal(message!.messageId, 'session-events');
    assert.match(message!.structuredData, /^\[countersign@32473 id="session-events\/odd \\"id\\" \\\]\\\\" /);
    assert.equal(Math.floor(Number(message!.pri) / 8), 4);
    const document = JSON.parse(message!.message) as { event: { id: string } };
    assert.equal(document.event.id, 'odd "id" ]\\');
    await appendEvents(stage, 'k', ['b']);
    await arrived(['b']);
  });
});
