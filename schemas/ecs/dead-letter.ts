import { createHash } from 'node:crypto';
import type { DeadLetter } from '../types.ts';
import { createEcsBuilder, type EcsDocument } from './ecs-document.ts';

/** Bytes of the record that the index holds (the whole record is in the topic): base64 of it fits Elasticsearch's longest term. */
export const DEAD_LETTER_SHOWN_BYTES_MAX = 16 * 1024;

/** Id of a dead letter's document: where the record came from and who gave it up, so that a second try duplicates nothing. */
export function deadLetterId(letter: DeadLetter): string {
  return `${letter.sourceTopic}/${letter.sourcePartition}/${letter.sourceOffset}/${letter.stage}`;
}

/** A dead letter as an ECS document. */
export function deadLetterToEcs(letter: DeadLetter): EcsDocument {
  const shown = letter.value.subarray(0, DEAD_LETTER_SHOWN_BYTES_MAX);
  return createEcsBuilder(letter.time, 'countersign.dead-letters')
    .set('event.id', deadLetterId(letter))
    .set('event.kind', 'pipeline_error')
    .set('event.action', 'dead_letter')
    .set('event.outcome', 'failure')
    .set('error.code', letter.code)
    .set('error.message', letter.reason)
    .set('countersign.dead_letter.topic', letter.sourceTopic)
    .set('countersign.dead_letter.partition', letter.sourcePartition)
    .set('countersign.dead_letter.offset', letter.sourceOffset)
    .set('countersign.dead_letter.stage', letter.stage)
    .setBase64('countersign.dead_letter.key_base64', letter.key)
    .setBase64('countersign.dead_letter.value_base64', shown)
    .set('countersign.dead_letter.value_length', letter.value.length)
    .set('countersign.dead_letter.value_digest', createHash('sha256').update(letter.value).digest('hex'))
    .build();
}
