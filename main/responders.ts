/** The responders put together: the role, its way to the control API, and what it is shown as. */
import { createSecretReader } from '../platform/config/secrets.ts';
import { createDeadLetters } from '../platform/dead-letters/dead-letters.ts';
import { createHttpControlApi } from '../responders/http/control-api.ts';
import { createJsonClient } from '../responders/http/json-client.ts';
import { createRespondersRole, type RespondersRole } from '../responders/role.ts';
import type { PlaybookAnswer } from '../schemas/api/responses.ts';
import { createCodec } from '../schemas/codec.ts';
import type { RespondersConfig } from '../schemas/config/responders.ts';
import type { Environment } from './config.ts';
import type { GatewayRole } from './gateway/gateway-role.ts';
import type { Storage, Surroundings } from './storage.ts';

export interface RespondersDeps extends Surroundings {
  readonly storage: Pick<Storage, 'eventLog'>;
  readonly gateway: Pick<GatewayRole, 'api' | 'vault'>;
  /** Of the control API, with the scope `contain`. */
  readonly token: string;
  readonly environment: Environment;
}

export interface Responders {
  readonly role: RespondersRole;
  /** Closes what the role stood on, after it has stopped. */
  close(): Promise<void>;
}

export async function createResponders(deps: RespondersDeps, config: RespondersConfig): Promise<Responders> {
  const { clock, log, gateway } = deps;
  const { eventLog } = deps.storage;
  const writer = await eventLog.writer('dead-letters/responders');
  const deadLetters = createDeadLetters({ writer, clock, log, metrics: deps.metrics });
  const http = createJsonClient(clock, { timeoutMs: config.callTimeoutMs });
  const role = createRespondersRole(
    {
      ...deps,
      eventLog,
      controlApi: createHttpControlApi(http, { url: gateway.api().url, token: deps.token }),
      codecs: {
        detection: createCodec('detection'),
        incident: createCodec('incident'),
        response: createCodec('response'),
        verdict: createCodec('verdict'),
        controlRecord: createCodec('control-record'),
      },
      deadLetters,
      readSecret: createSecretReader(
        deps.environment,
        async (path) => (await gateway.vault.get(path))?.value,
      ),
    },
    config,
  );
  return {
    role,
    async close() {
      deadLetters.close();
      http.close();
      await writer.close();
    },
  };
}

/** The playbooks in force as the control API shows them. */
export function describePlaybooks(role: RespondersRole): PlaybookAnswer[] {
  return role.playbooks().map((playbook) => ({
    name: playbook.name,
    title: playbook.title,
    description: playbook.description,
    version: playbook.version,
    mode: playbook.mode,
    steps: playbook.steps.map(({ id, action, onFailure }) => ({ id, action: action.name, onFailure })),
    budget: playbook.budget ?? null,
    file: playbook.file,
  }));
}
