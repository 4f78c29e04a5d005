/** A sink of an installation: what happens in it reaches a collector outside. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { startHttpsReceiver } from '../../ingest/sinks/test/https-receiver.ts';
import { failureOf } from './support/failure-of.ts';
import { until } from '../../test/support/until.ts';
import { startTestInstallation } from './support/installation.ts';
import { startTarget } from './support/target.ts';

const KEY = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;

describe('sinks of an installation', { timeout: 120_000 }, () => {
  it('bring a call of the control API to a collector, signed; a mistake in them is named at the start', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-sink-'));
    const receiver = await startHttpsReceiver(folder);
    const target = await startTarget();
    const sink = {
      name: 'siem',
      kind: 'webhook',
      url: receiver.url,
      signingKeys: [{ env: 'SIEM_KEY' }],
      tls: { caFile: receiver.authority.caFile },
      filter: { topics: ['session-events', 'control'], actions: ['control_action', 'lockout'] },
    };
    const settings = (key: string) => ({ COUNTERSIGN_SINKS: JSON.stringify([sink]), SIEM_KEY: key });
    try {
      const refused = await failureOf(startTestInstallation(target, settings('no key')));
      assert.match(refused.message, /siem cannot be used/);
      const installation = await startTestInstallation(target, settings(KEY));
      try {
        await installation.api.send('POST', '/v1/lockouts', {
          subjectKind: 'identity',
          subject: 'countersign/nobody',
          reason: 'rehearsal',
        });
        const actions = (): unknown[] =>
          receiver.taken.flatMap(({ documents }) =>
            documents.map((one) => (one as { event: { action: string } }).event.action),
          );
        await until('both have come', () =>
          ['control_action', 'lockout'].every((one) => actions().includes(one)),
        );
        for (const { body, headers } of receiver.taken)
          new Webhook(KEY).verify(body, headers as Record<string, string>);
      } finally {
        await installation.stop();
      }
    } finally {
      await target.stop();
      await receiver.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
