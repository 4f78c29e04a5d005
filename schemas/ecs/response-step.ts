import type { ResponseStep } from '../types.ts';
import { createEcsBuilder, type EcsDocument } from './ecs-document.ts';

const OUTCOMES = { done: 'success', undone: 'success', failed: 'failure' } as const;

/** Id of a response step's document: a step is written once per state it reaches. */
export function responseStepId(step: ResponseStep): string {
  return `${step.responseId}:${step.state}`;
}

/** A response step as an ECS document. */
export function responseStepToEcs(step: ResponseStep): EcsDocument {
  return createEcsBuilder(step.time, 'countersign.responses')
    .set('event.id', step.responseId)
    .set('event.kind', 'event')
    .set('event.category', ['configuration'])
    .set('event.type', [step.state === 'done' || step.state === 'undone' ? 'change' : 'info'])
    .set('event.action', step.action)
    .set('event.outcome', step.state in OUTCOMES ? OUTCOMES[step.state as keyof typeof OUTCOMES] : 'unknown')
    .set('event.duration', step.durationUs * 1000)
    .set('message', step.detail)
    .set('countersign.incident.id', step.incidentId)
    .set('countersign.detection.id', step.detectionId)
    .set('countersign.playbook.name', step.playbook)
    .set('countersign.playbook.version', step.playbookVersion)
    .set('countersign.playbook.step', step.step)
    .set('countersign.response_step.subject', step.subject)
    .set('countersign.response_step.state', step.state)
    .set('countersign.response_step.idempotency_key', step.idempotencyKey)
    .set('countersign.exercise_id', step.exerciseId)
    .build();
}
