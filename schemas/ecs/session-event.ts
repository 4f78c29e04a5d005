import type { SessionEvent } from '../types.ts';
import {
  createEcsBuilder,
  putFields,
  type EcsDocument,
  type EcsFields,
  type PutField,
} from './ecs-document.ts';
import { CATEGORIES, setBody } from './session-bodies.ts';
import { setClient, setIdentity, setTarget } from './session-parties.ts';

const DATABASE_PROTOCOLS = new Set(['postgres', 'mysql', 'mongodb', 'redis']);

/** event.category of a request follows what it reaches: only a database's is `database`. */
function category(event: SessionEvent): string {
  const [named] = CATEGORIES[event.body.kind];
  if (named !== 'database' || event.target === null) return named;
  if (DATABASE_PROTOCOLS.has(event.target.protocol)) return 'database';
  if (event.target.protocol === 'ssh') return 'process';
  return event.target.protocol === 'kubernetes' ? 'api' : 'web';
}

function fill(ecs: EcsFields, event: SessionEvent): void {
  const { body } = event;
  ecs
    .set('event.id', event.eventId)
    .set('event.kind', 'event')
    .set('event.action', body.kind)
    .set('event.category', [category(event)])
    .set('event.type', [CATEGORIES[body.kind][1]])
    .setHex('event.hash', event.hash)
    .set('countersign.origin', event.origin)
    .set('countersign.exercise_id', event.exerciseId)
    .set('observer.type', 'session-gateway')
    .set('observer.name', event.gateway.id)
    .set('countersign.gateway.epoch', event.gateway.epoch)
    .set('countersign.gateway.sequence', event.gateway.sequence)
    .set('countersign.request.id', event.requestId)
    .set('countersign.control_revision', event.controlRevision)
    .setHex('countersign.chain.previous_hash', event.previousHash);
  if (event.session !== null) {
    ecs
      .set('countersign.session.id', event.session.id)
      .set('event.sequence', event.session.sequence)
      .set('countersign.session.channel', event.session.channel);
  }
  if (event.gatewayChain !== null) {
    ecs
      .set('countersign.chain.gateway_sequence', event.gatewayChain.sequence)
      .setHex('countersign.chain.gateway_previous_hash', event.gatewayChain.previousHash);
  }
  if (event.identity !== null) setIdentity(ecs, event.identity);
  if (event.client !== null) setClient(ecs, event.client);
  if (event.target !== null) setTarget(ecs, event.target);
  setBody(ecs, body);
  // Where a request starts a program, rules of other products look for it under the name that ECS has for that.
  if (body.kind === 'request' && event.target?.protocol === 'ssh') ecs.set('process.command_line', body.text);
}

const DATASET = 'countersign.session-events';

/** A session event as an ECS document; its id is the event id. */
export function sessionEventToEcs(event: SessionEvent, dataset = DATASET): EcsDocument {
  const ecs = createEcsBuilder(event.time, dataset);
  fill(ecs, event);
  return ecs.build();
}

/** The fields of that document, one after the other, without making it. */
export function putSessionEvent(put: PutField, event: SessionEvent, dataset = DATASET): void {
  putFields(put, event.time, dataset, (ecs) => fill(ecs, event));
}
