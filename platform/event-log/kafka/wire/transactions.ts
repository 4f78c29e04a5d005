import { createReader, createWriter } from './bytes.ts';
import type { Channel } from './channel.ts';
import { check, checkPartitions } from './error-codes.ts';

const INIT_PRODUCER_ID = { key: 22, name: 'InitProducerId' };
const ADD_PARTITIONS = { key: 24, name: 'AddPartitionsToTxn' };
const END_TXN = { key: 26, name: 'EndTxn' };

export interface ProducerIdentity {
  readonly producerId: bigint;
  readonly epoch: number;
}

/** InitProducerId, version 1: takes the name over. An earlier holder's open transaction is aborted first, at the raised epoch. */
export async function initProducerId(
  channel: Channel,
  transactionalId: string,
  transactionTimeoutMs: number,
): Promise<ProducerIdentity> {
  const body = createWriter();
  body.string(transactionalId).int32(transactionTimeoutMs);
  const answer = createReader(await channel.send({ api: INIT_PRODUCER_ID, version: 1, body: body.done() }));
  answer.int32();
  check(answer.int16(), `writer ${transactionalId}`);
  return { producerId: answer.bigint64(), epoch: answer.int16() };
}

/** AddPartitionsToTxn, version 1: all partitions of a topic. */
export async function addPartitions(
  channel: Channel,
  transactionalId: string,
  { producerId, epoch }: ProducerIdentity,
  topic: string,
  partitions: readonly number[],
): Promise<void> {
  const body = createWriter();
  body.string(transactionalId).int64(producerId).int16(epoch);
  body.array([topic], (name) => {
    body.string(name).array(partitions, (partition) => body.int32(partition));
  });
  const answer = createReader(await channel.send({ api: ADD_PARTITIONS, version: 1, body: body.done() }));
  answer.int32();
  checkPartitions(answer, `writer ${transactionalId}`);
}

/** EndTxn, version 1, as an abort: there is nothing in it but the partitions' names. */
export async function abortTransaction(
  channel: Channel,
  transactionalId: string,
  { producerId, epoch }: ProducerIdentity,
): Promise<void> {
  const body = createWriter();
  body.string(transactionalId).int64(producerId).int16(epoch).boolean(false);
  const answer = createReader(await channel.send({ api: END_TXN, version: 1, body: body.done() }));
  answer.int32();
  check(answer.int16(), `writer ${transactionalId}`);
}
