import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from '../../../test/servers/rsyslog/authority.ts';
import { sinkConformance } from './conformance.ts';
import { startHttpsReceiver } from './https-receiver.ts';
import { clock, sinkConfig } from './support.ts';

for (const format of ['json-array', 'ndjson'] as const) {
  sinkConformance(`webhook, ${format}`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-webhook-'));
    const https = await startHttpsReceiver(folder);
    const own = await https.authority.issue('own');
    const anothers = await (await createAuthority(folder, clock.now(), 'another')).issue('receiver');
    let forgotten = 0;
    return {
      config: (given) =>
        sinkConfig({
          kind: 'webhook',
          url: https.url,
          format,
          signingKeys: [{ env: 'FIRST' }],
          tls: { caFile: https.authority.caFile },
          ...given,
        }),
      deliveries: () => https.deliveries().slice(forgotten),
      clear: () => (forgotten = https.deliveries().length),
      down: https.down,
      up: https.up,
      async freeze() {
        https.behave(() => 'silence');
      },
      async wake() {
        https.behave(() => ({ status: 204 }));
      },
      async breakOff() {
        let left = 4;
        await new Promise<void>((resolve) => {
          https.behave((_, place) => {
            if (left > 0 && place % 2 === 0) {
              left -= 1;
              return 'reset';
            }
            if (left === 0) resolve();
            return { status: 204 };
          });
        });
        https.behave(() => ({ status: 204 }));
      },
      async pretend(isAnother) {
        https.present(isAnother ? anothers : own);
      },
      async stop() {
        await https.stop();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  });
}
