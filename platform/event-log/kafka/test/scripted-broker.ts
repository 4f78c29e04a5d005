/** A broker that answers sends as a test tells it: for what no real one does when asked. It keeps what it took, as a log. */
import { createReader, createWriter } from '../wire/bytes.ts';
import type { Channel, Request, Transport } from '../wire/channel.ts';
import { CODE, KafkaConnectionError } from '../wire/error-codes.ts';
import { readBatches } from '../wire/record-batch-reader.ts';

/** What becomes of one partition of one send. */
export type Answer = 'taken' | 'missing' | 'taken-but-missing' | 'forgotten' | 'closed';

export interface ScriptedBroker {
  readonly transport: Transport;
  /** Values in the log of each partition. */
  readonly log: ReadonlyMap<number, string[]>;
  /** What was sent, as `partition:epoch:sequence+records`. */
  readonly sends: string[];
}

const PARTITIONS = 2;

/** `answer` is asked for each partition of each send, counted from 0. */
export function scriptedBroker(answer: (send: number, partition: number) => Answer): ScriptedBroker {
  const log = new Map<number, string[]>([
    [0, []],
    [1, []],
  ]);
  /** As a broker does: a batch whose sequence it has already is answered with where it stands. */
  const known = new Map<string, number>();
  const sends: string[] = [];
  let epoch = 0;
  let count = 0;

  const metadata = (): Buffer => {
    const body = createWriter();
    body.int32(0).array([1], () => body.int32(1).string('localhost').int32(1).string(null));
    body.string('c').int32(1);
    body.array(['t'], (name) => {
      body.int16(0).string(name).boolean(false);
      body.array([0, 1], (partition) => {
        body.int16(0).int32(partition).int32(1);
        for (let list = 0; list < 3; list += 1) body.array([1], (id) => body.int32(id));
      });
    });
    return body.done();
  };
  const take = async (partition: number, batch: Buffer): Promise<number> => {
    const { records } = await readBatches(batch, { topic: 't', partition }, 0, 1_000_000);
    const values = records.map((one) => Buffer.from(one.value!).toString());
    const sequence = batch.readInt32BE(53);
    const name = `${partition}/${batch.readInt16BE(51)}/${sequence}`;
    const before = known.get(name);
    if (before !== undefined) return before;
    const at = log.get(partition)!.length;
    log.get(partition)!.push(...values);
    known.set(name, at);
    return at;
  };
  const produce = async (body: Buffer): Promise<Buffer | undefined> => {
    const request = createReader(body);
    request.string();
    request.int16();
    request.int32();
    const batches = request.array(() => {
      request.string();
      return request.array(() => ({ partition: request.int32(), batch: Buffer.from(request.bytes()) }));
    });
    const send = count;
    count += 1;
    const results: { partition: number; code: number; offset: number }[] = [];
    for (const { partition, batch } of batches.flat()) {
      const outcome = answer(send, partition);
      sends.push(`${partition}:${batch.readInt16BE(51)}:${batch.readInt32BE(53)}+${batch.readInt32BE(57)}`);
      if (outcome === 'closed') return undefined;
      if (outcome === 'forgotten')
        results.push({ partition, code: CODE.OUT_OF_ORDER_SEQUENCE_NUMBER, offset: -1 });
      if (outcome === 'taken-but-missing') await take(partition, batch);
      if (outcome === 'taken') results.push({ partition, code: 0, offset: await take(partition, batch) });
    }
    const response = createWriter();
    response.array(['t'], (name) => {
      response.string(name).array(results, ({ partition, code, offset }) => {
        response.int32(partition).int16(code).int64(offset).int64(-1).int64(0);
      });
    });
    return response.int32(0).done();
  };
  const answerTo = async ({ api, body }: Request): Promise<Buffer | undefined> => {
    const response = createWriter();
    switch (api.name) {
      case 'Metadata':
        return metadata();
      case 'Produce':
        return produce(body);
      case 'GroupCoordinator':
        return response.int32(0).int16(0).string(null).int32(1).string('localhost').int32(1).done();
      case 'InitProducerId':
        epoch += 1;
        return response.int32(0).int16(0).int64(7).int16(epoch).done();
      default:
        // AddPartitionsToTxn: all well.
        response.int32(0).array(['t'], (name) => {
          response.string(name).array([...Array(PARTITIONS).keys()], (one) => response.int32(one).int16(0));
        });
        return response.done();
    }
  };
  const connect = async (): Promise<Channel> => {
    let usable = true;
    return {
      get usable() {
        return usable;
      },
      async send(request) {
        const response = await answerTo(request);
        if (response !== undefined) return response;
        usable = false;
        throw new KafkaConnectionError('unreachable', 'closed by the script');
      },
      close() {
        usable = false;
      },
    };
  };
  return { transport: { connect }, log, sends };
}
