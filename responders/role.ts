import type { RespondersConfig } from '../schemas/config/responders.ts';
import { TOPICS } from '../schemas/topics.ts';
import type { Problem } from '../platform/config/checked-yaml.ts';
import type { LogWriter } from '../platform/event-log/event-log.ts';
import type { Role } from '../platform/lifecycle/role.ts';
import type { RespondersDependencies } from './dependencies.ts';
import { consumeDetections, type DetectionConsumer } from './engine/detection-consumer.ts';
import { createDetectionHandler, type DetectionHandler } from './engine/detection-handler.ts';
import { followTopics, type Follower } from './engine/follow.ts';
import { createPublisher, type Publisher } from './engine/publisher.ts';
import { createResponseLedger } from './engine/response-ledger.ts';
import { createStepRunner } from './engine/step-runner.ts';
import { createJsonClient } from './http/json-client.ts';
import { createIncidentBook } from './incidents/incident-book.ts';
import { createNotifiers } from './notifiers/registry.ts';
import { createPlaybookSet, type PlaybookSet } from './playbooks/playbook-set.ts';

export interface RespondersRole extends Role {
  /** The playbooks in force; empty before the start. */
  playbooks(): ReturnType<PlaybookSet['all']>;
  /** Reads playbooks again; with a mistake the old ones stay in force, and the mistakes are returned. */
  reloadPlaybooks(): readonly Problem[];
}

interface Running {
  readonly playbooks: PlaybookSet;
  readonly writer: LogWriter;
  readonly follower: Follower;
  readonly consumer: DetectionConsumer;
  close(graceMs: number): Promise<void>;
}

/**
 * The role `responders`: groups detections into incidents, carries out playbooks through the control API, and says what became
 * of each detection in countersign.verdicts.
 */
export function createRespondersRole(deps: RespondersDependencies, config: RespondersConfig): RespondersRole {
  const { eventLog, clock, random, log, metrics } = deps;
  let running: Running | undefined;
  let failure: string | undefined;
  let started = false;
  const onFailure = (error: unknown): void => {
    // What breaks because we stop is no failure: it goes on after the next start.
    if (running === undefined && started) return;
    failure = error instanceof Error ? error.message : String(error);
    log.error({ error }, 'the responders have stopped on an error');
  };

  /** Everything between the log and the actions, and how it hangs together. */
  const assemble = async (signal: AbortSignal): Promise<Omit<Running, 'close'>> => {
    const http = createJsonClient(clock, { timeoutMs: config.callTimeoutMs });
    signal.addEventListener('abort', () => http.close(), { once: true });
    const notifiers = await createNotifiers({ ...deps, http }, config.notifiers);
    const services = { controlApi: deps.controlApi, notifiers };
    const playbooks = createPlaybookSet(
      { folders: config.playbookFolders, off: config.playbooksOff },
      services,
    );
    const writer = await eventLog.writer(`responders/${config.instance}`);
    const writerId = `${config.instance}/${random.uuidv7(clock.now())}`;
    const publisher: Publisher = createPublisher(deps, writer, writerId, signal);
    const book = createIncidentBook({ incidentsMax: config.incidentsOpenMax });
    const ledger = createResponseLedger({ stepsMax: config.stepsRememberedMax });
    const steps = createStepRunner({ publisher, ledger, services, clock, random, metrics, signal }, config);
    const handler: DetectionHandler = createDetectionHandler(
      { book, playbooks, publisher, steps, clock },
      config,
    );

    /** Partitions of countersign.detections that this responder has. */
    const assigned = new Set<number>();
    const owns = async (incidentId: string): Promise<boolean> => {
      const incident = book.get(incidentId);
      if (incident === undefined) return false;
      return assigned.has(await eventLog.partitionOf(TOPICS.detections.name, incident.key));
    };
    const closeOwn: Parameters<typeof followTopics>[3]['onClosure'] = async (closure) => {
      if (!(await owns(closure.incidentId))) return;
      const closed = book.close(closure);
      if (closed !== undefined) await publisher.incident(closed);
    };
    const carryOut: Parameters<typeof followTopics>[3]['onConfirmed'] = (asked) => {
      const work = async (): Promise<void> => {
        if (await owns(asked.incidentId)) await handler.confirmed(asked);
      };
      work().catch(onFailure);
    };
    const catchUp = async (): Promise<void> => {
      for (const closure of follower.closures()) await closeOwn(closure);
      for (const asked of ledger.confirmed()) carryOut(asked);
    };
    const follower = await followTopics(deps, { book, ledger }, writerId, {
      onConfirmed: carryOut,
      onClosure: closeOwn,
      onFailure,
    });
    await follower.caughtUp();
    const consumer = await consumeDetections(deps, handler, assigned, config, {
      async onAssigned() {
        await follower.caughtUp();
        await catchUp();
      },
      onFailure,
    });
    return { playbooks, writer, follower, consumer };
  };

  return {
    name: 'responders',
    async start() {
      failure = undefined;
      const abort = new AbortController();
      const parts = await assemble(abort.signal);
      running = {
        ...parts,
        async close(graceMs) {
          parts.consumer.pause();
          await Promise.race([
            parts.consumer.idle(),
            clock.sleep(graceMs, abort.signal).catch(() => undefined),
          ]);
          abort.abort(new Error('the responders stop'));
          await parts.consumer.idle();
          await parts.consumer.close();
          await parts.follower.close();
          await parts.writer.close();
        },
      };
      started = true;
      log.info(
        { playbooks: parts.playbooks.all().map(({ name, mode }) => `${name} (${mode})`) },
        'responders are ready',
      );
    },
    async stop(graceMs) {
      const closing = running;
      running = undefined;
      try {
        await closing?.close(graceMs);
      } catch (error) {
        log.warn({ error }, 'the responders did not stop cleanly');
      }
    },
    health() {
      if (failure !== undefined) return { ready: false, reason: failure, failed: running !== undefined };
      return running === undefined ? { ready: false, reason: 'not started' } : { ready: true };
    },
    playbooks: () => running?.playbooks.all() ?? [],
    reloadPlaybooks() {
      const problems = running?.playbooks.reload() ?? [];
      if (problems.length > 0) log.warn({ problems }, 'playbooks have mistakes; the old ones stay in force');
      return problems;
    },
  };
}
