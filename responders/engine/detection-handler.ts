/** From a detection to its end: incident, playbooks, verdict. What contains comes first; the log learns the rest beside it. */
import type { DecidedOutcome, Detection, Incident, ResponseStep } from '../../schemas/types.ts';
import type { Clock } from '../../platform/clock/clock.ts';
import { isSerious, type IncidentBook } from '../incidents/incident-book.ts';
import { effectiveMode, playbookMatches } from '../playbooks/match.ts';
import type { Playbook, Step } from '../playbooks/playbook.ts';
import type { PlaybookSet } from '../playbooks/playbook-set.ts';
import type { Publisher } from './publisher.ts';
import type { StepEnd, StepRunner } from './step-runner.ts';

export interface Handling {
  /** The verdict is in the log. */
  readonly decided: Promise<void>;
  /** All steps have an end: true; false where the responder stops before. */
  readonly finished: Promise<boolean>;
}

export interface DetectionHandler {
  handle(detection: Detection): Handling;
  /** Carries out a step that a person confirmed. */
  confirmed(asked: ResponseStep): Promise<void>;
}

interface Dependencies {
  readonly book: IncidentBook;
  readonly playbooks: PlaybookSet;
  readonly publisher: Publisher;
  readonly steps: StepRunner;
  readonly clock: Clock;
}

interface Run {
  readonly outcome: Promise<DecidedOutcome>;
  readonly finished: Promise<boolean>;
}

const NO_SUBJECT = 'none:';

export function createDetectionHandler(
  { book, playbooks, publisher, steps, clock }: Dependencies,
  config: { readonly incidentRiskMin: number; readonly actAgeMsMax: number },
): DetectionHandler {
  /** Incident versions must reach the log in their order; sending them one after the other in calls is enough. */
  const noteContained = async (incidentId: string, lockoutId: string | null): Promise<void> => {
    const changed = book.contain(incidentId, lockoutId, clock.now());
    if (changed !== undefined) await publisher.incident(changed);
  };

  const runStep = (
    playbook: Playbook,
    step: Step,
    detection: Detection,
    incident: Incident,
    fresh: boolean,
  ): Promise<StepEnd> => {
    const found = step.action.subject(step.parameters, detection);
    const order = {
      playbook,
      step,
      incident,
      subject: found.ok ? found.subject : NO_SUBJECT,
      detectionId: detection.detectionId,
      mode: effectiveMode(playbook, detection, fresh),
      reason: `${detection.title}: ${detection.reason}`.slice(0, 2000),
      releases: book.releases(incident.incidentId),
    };
    return found.ok ? steps.run(order) : steps.skip(order, found.reason);
  };

  const startRun = (playbook: Playbook, detection: Detection, incident: Incident): Run => {
    const fresh = clock.now() - detection.detectedAt <= config.actAgeMsMax;
    let settle!: (outcome: DecidedOutcome) => void;
    const outcome = new Promise<DecidedOutcome>((resolve) => (settle = resolve));
    const work = async (): Promise<boolean> => {
      let asked = false;
      let told = false;
      for (const step of playbook.steps) {
        // What contains has gone first: from here on nothing changes the verdict.
        if (!step.action.containing && !told) {
          told = true;
          settle(asked ? 'asked' : 'release');
        }
        const end = await runStep(playbook, step, detection, incident, fresh);
        if (end.state === 'aborted') return false;
        asked ||= end.needsPerson;
        if (step.action.containing && end.state === 'done') {
          settle('contained');
          await noteContained(incident.incidentId, end.lockoutId);
        }
        if (end.state === 'failed' && step.onFailure === 'stop') break;
      }
      settle(asked ? 'asked' : 'release');
      return true;
    };
    const finished = work();
    // Whoever waits for the verdict must not wait for ever where the log fails; the failure itself comes by `finished`.
    finished.then(
      (whole) => whole || settle('asked'),
      () => settle('asked'),
    );
    return { outcome, finished };
  };

  /** Contained as soon as one says so; else asked where one asks; else released. */
  const combine = async (runs: readonly Run[]): Promise<DecidedOutcome> => {
    let asked = false;
    const contained = new Promise<boolean>((resolve) => {
      const each = runs.map(async (run) => {
        const outcome = await run.outcome;
        asked ||= outcome === 'asked';
        if (outcome === 'contained') resolve(true);
      });
      Promise.all(each).then(
        () => resolve(false),
        () => resolve(false),
      );
    });
    if (await contained) return 'contained';
    return asked ? 'asked' : 'release';
  };

  return {
    handle(detection) {
      const matching = (identities: number): Playbook[] =>
        playbooks.all().filter((playbook) => playbookMatches(playbook, detection, identities));
      // A playbook that would do something about a new incident is reason enough for one.
      const opens =
        isSerious(detection, config.incidentRiskMin) || matching(1).some(({ mode }) => mode !== 'observe');
      const absorbed = book.absorb(detection, opens, clock.now());
      if (absorbed === undefined) {
        const decided = publisher.decided(detection, 'release', null);
        return { decided, finished: decided.then(() => true) };
      }
      const { incident, changed } = absorbed;
      // A closed incident's detection comes again only after a crash: a person has decided meanwhile.
      const runs =
        incident.state === 'closed'
          ? []
          : matching(incident.identities.length).map((each) => startRun(each, detection, incident));
      const written = changed ? publisher.incident(incident) : Promise.resolve();
      const decided = combine(runs).then((outcome) =>
        publisher.decided(detection, outcome, incident.incidentId),
      );
      const finished = Promise.all([written, decided, ...runs.map((run) => run.finished)]).then(
        ([, , ...ends]) => ends.every(Boolean),
      );
      return { decided, finished };
    },

    async confirmed(asked) {
      const incident = book.get(asked.incidentId);
      const playbook = playbooks.named(asked.playbook);
      const step = playbook?.steps.find(
        ({ id, action }) => id === asked.step && action.name === asked.action,
      );
      if (incident === undefined || incident.state === 'closed') return;
      if (playbook === undefined || step === undefined) {
        const detail = 'the playbook has changed since it asked, and has no such step any more';
        await publisher.response({ ...asked, time: clock.now(), state: 'failed', detail });
        return;
      }
      const end = await steps.run({
        playbook,
        step,
        incident,
        subject: asked.subject,
        detectionId: asked.detectionId,
        mode: 'act',
        reason: asked.detail,
        releases: book.releases(incident.incidentId),
      });
      if (end.state === 'done' && step.action.containing)
        await noteContained(incident.incidentId, end.lockoutId);
    },
  };
}
