/** All kinds of sinks. To add one: a folder beside this, its config, one case here. */
import type { SinkConfig } from '../../schemas/config/sinks.ts';
import type { Sink, SinkDeps } from './sink.ts';
import { createSyslogSink } from './syslog/syslog-sink.ts';
import { createWebhookSink } from './webhook/webhook-sink.ts';

/** Rejects with SINK_INVALID or CONFIG_SECRET_MISSING. */
export function createSink(deps: SinkDeps, config: SinkConfig): Promise<Sink> {
  switch (config.kind) {
    case 'webhook':
      return createWebhookSink(deps, config);
    case 'syslog':
      return createSyslogSink(deps, config);
  }
}
