/** What the loop is measured on: everything in one process on the embedded default, or each role a process of its own on real Kafka. */
import { rmSync } from 'node:fs';
import type { ApiClient } from '../../cli/api-client.ts';
import type { ListenerAnswer } from '../../gateway/control-api/services.ts';
import { createCluster } from '../../main/test/support/cluster.ts';
import { makeDataFolder } from '../../main/test/support/installation.ts';
import { startInstallationProcess } from '../../main/test/support/installation-process.ts';
import type { TestTarget } from '../../main/test/support/target.ts';
import { startElasticsearch } from '../../test/servers/elasticsearch/elasticsearch.ts';
import { startKafka } from '../../test/servers/kafka/kafka.ts';

export interface LoopSetup {
  readonly api: ApiClient;
  readonly listener: ListenerAnswer;
  /** Records that ingest has taken so far, over all topics. */
  ingested(): Promise<number>;
  stop(): Promise<void>;
}

const INGESTED = 'countersign_ingest_records_total{';

async function onEmbedded(target: TestTarget): Promise<LoopSetup> {
  const dataFolder = makeDataFolder();
  const { api, listener, stop } = await startInstallationProcess(target, dataFolder);
  return {
    api,
    listener,
    async ingested() {
      let sum = 0;
      for await (const line of api.lines('/metrics', {}, new AbortController().signal))
        if (line.startsWith(INGESTED)) sum += Number(line.slice(line.lastIndexOf(' ') + 1));
      return sum;
    },
    async stop() {
      await stop();
      rmSync(dataFolder, { recursive: true, force: true });
    },
  };
}

async function onKafka(target: TestTarget): Promise<LoopSetup> {
  const closers: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const closer of closers.toReversed()) await closer();
  };
  try {
    const kafka = await startKafka({ steady: true });
    closers.push(() => kafka.stop());
    const elasticsearch = await startElasticsearch();
    closers.push(() => elasticsearch.stop());
    const cluster = await createCluster(target, {
      brokers: kafka.brokers,
      elasticsearch: { nodes: [elasticsearch.url], indexPrefix: 'bench' },
      gateways: 1,
    });
    closers.push(() => cluster.stop());
    const gateway = await cluster.gateway(0);
    const ingest = await cluster.start('ingest');
    await cluster.start('detectors');
    await cluster.start('responders');
    return { ...gateway, ingested: () => ingest.metric(INGESTED), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

export const LOOP_SETUPS: Readonly<Record<string, (target: TestTarget) => Promise<LoopSetup>>> = {
  embedded: onEmbedded,
  kafka: onKafka,
};
