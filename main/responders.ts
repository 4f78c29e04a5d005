/** The responders put together: the role, its way to the control API, and where its secrets come from. */
import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { createSecretReader } from '../platform/config/secrets.ts';
import { createDeadLetters } from '../platform/dead-letters/dead-letters.ts';
import type { EventLog } from '../platform/event-log/event-log.ts';
import { createHttpControlApi, type ControlApi } from '../responders/http/control-api.ts';
import { createGateways } from '../responders/http/gateways.ts';
import { createJsonClient } from '../responders/http/json-client.ts';
import { createRespondersRole, type RespondersRole } from '../responders/role.ts';
import { createCodec } from '../schemas/codec.ts';
import type { Config } from '../schemas/config/config.ts';
import type { RespondersConfig, RespondersControlApi } from '../schemas/config/responders.ts';
import { incidentLink } from '../schemas/kibana-link.ts';
import { createOwnSecretReader, type AdapterDeps } from './adapters/adapter-deps.ts';
import type { Environment } from './config.ts';
import type { GatewayRole } from './gateway/gateway-role.ts';
import { watchReachability } from './reachability.ts';
import type { Surroundings } from './storage.ts';

export interface RespondersDeps extends Surroundings {
  readonly eventLog: EventLog;
  /** Of this process; without one the configuration must say where gateways are. */
  readonly gateway: Pick<GatewayRole, 'api' | 'vault'> | undefined;
  /** Of the control API in this process, with the scope `contain`. */
  readonly token: string;
  readonly environment: Environment;
  /** Unique among all processes. */
  readonly processName: string;
}

export interface Responders {
  readonly role: RespondersRole;
  /** Why nothing can be contained now; undefined where it can. */
  problem(): string | undefined;
  /** Closes what the role stood on, after it has stopped. */
  close(): Promise<void>;
}

interface WayToGateways {
  readonly controlApi: ControlApi;
  /** Why nothing can be contained now; undefined where it can. */
  problem(): string | undefined;
  close(): void;
}

const PROBE_TIMEOUT_MS = 2000;

/** The gateways of the configuration. */
async function wayToAll(
  { clock, log }: RespondersDeps,
  config: RespondersControlApi,
  readSecret: AdapterDeps['readSecret'],
  { callTimeoutMs, awayMs }: { readonly callTimeoutMs: number; readonly awayMs: number },
): Promise<WayToGateways> {
  const token = await readSecret(config.token);
  const { connectTimeoutMs, caFile } = config;
  const ca = caFile === undefined ? {} : { ca: [...rootCertificates, readFileSync(caFile, 'utf8')] };
  const http = createJsonClient(clock, { timeoutMs: callTimeoutMs, connectTimeoutMs, ...ca });
  const probing = createJsonClient(clock, { timeoutMs: PROBE_TIMEOUT_MS, connectTimeoutMs, ...ca });
  const gateways = createGateways(
    { clock, log },
    config.urls.map((url) => ({
      url,
      api: createHttpControlApi(http, { url, token }),
      async isReady() {
        const answer = await probing.get(new URL('/readyz', url));
        return answer.ok && answer.status === 200;
      },
    })),
    config,
  );
  await gateways.start();
  const reachable = watchReachability({ clock }, { name: 'every gateway', awayMs }, () =>
    gateways.anyReady() ? Promise.resolve() : Promise.reject(new Error('none of them is ready')),
  );
  return {
    controlApi: gateways,
    problem: () => reachable.problem(),
    close() {
      reachable.stop();
      gateways.close();
      http.close();
      probing.close();
    },
  };
}

/** The gateway of this process. */
function wayToOwn(
  { clock, token }: RespondersDeps,
  gateway: Pick<GatewayRole, 'api'>,
  { callTimeoutMs }: RespondersConfig,
): WayToGateways {
  const http = createJsonClient(clock, { timeoutMs: callTimeoutMs });
  return {
    controlApi: createHttpControlApi(http, { url: gateway.api().url, token }),
    problem: () => undefined,
    close: () => http.close(),
  };
}

/** Throws SECRET_NEEDS_GATEWAY where a notifier's secret is in the vault and no gateway runs in this process. */
export async function createResponders(
  deps: RespondersDeps,
  { responders: config, health: { awayMs }, kibana }: Config,
): Promise<Responders> {
  const { clock, log, gateway, eventLog } = deps;
  const readSecret =
    gateway === undefined
      ? createOwnSecretReader(deps.environment)
      : createSecretReader(deps.environment, async (path) => (await gateway.vault.get(path))?.value);
  const way =
    gateway === undefined || config.controlApi !== undefined
      ? await wayToAll(deps, config.controlApi!, readSecret, { ...config, awayMs })
      : wayToOwn(deps, gateway, config);
  const writer = await eventLog.writer(`dead-letters/responders/${deps.processName}`);
  const deadLetters = createDeadLetters({ writer, clock, log, metrics: deps.metrics });
  const role = createRespondersRole(
    {
      ...deps,
      controlApi: way.controlApi,
      codecs: {
        detection: createCodec('detection'),
        incident: createCodec('incident'),
        response: createCodec('response'),
        verdict: createCodec('verdict'),
        controlRecord: createCodec('control-record'),
      },
      deadLetters,
      readSecret,
      incidentLink: (incident) => incidentLink(kibana, incident),
    },
    { ...config, instance: config.instance === '' ? deps.processName : config.instance },
  );
  return {
    role,
    problem: () => way.problem(),
    async close() {
      deadLetters.close();
      way.close();
      await writer.close();
    },
  };
}
