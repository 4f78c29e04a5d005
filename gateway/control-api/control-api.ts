/** The control API: a listener of its own, apart from the data path. */
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import swagger from '@fastify/swagger';
import fastify, { type FastifyServerOptions } from 'fastify';
import type { ControlApiConfig } from '../../schemas/config/control-api.ts';
import { isCountersignError } from '../../platform/errors/errors.ts';
import type { Timer } from '../../platform/clock/clock.ts';
import type { LogWriter } from '../../platform/event-log/event-log.ts';
import { isLoopback } from '../../platform/network/address.ts';
import { controlApiError } from './errors.ts';
import { createApiTokens } from './http/api-tokens.ts';
import { compileValidator, type App } from './http/app.ts';
import { authenticate } from './http/authentication.ts';
import { readForms } from './http/forms.ts';
import { handleErrors } from './http/problems.ts';
import { followAuthorities } from './http/follow-authorities.ts';
import { RESOURCES } from './routes/registry.ts';
import type { ControlApiServices } from './services.ts';
import { createViews } from './views/views.ts';

export interface ControlApi {
  /** Resolves when it answers; rejects with CONTROL_API_TLS_REQUIRED or CONTROL_API_LISTEN_FAILED. */
  start(): Promise<void>;
  /** Takes no new calls, ends streams, and lets calls under way end for up to `graceMs`. */
  stop(graceMs?: number): Promise<void>;
  /** Where it listens; throws before the start. */
  address(): { readonly host: string; readonly port: number; readonly url: string };
}

const STOP_MS = 5000;
const KEEP_ALIVE_MS = 65_000;

function readTls(config: ControlApiConfig): { cert: string; key: string } | undefined {
  if (config.tls === undefined) {
    if (isLoopback(config.host)) return undefined;
    throw controlApiError('CONTROL_API_TLS_REQUIRED', { host: config.host });
  }
  return {
    cert: readFileSync(config.tls.certificateFile, 'utf8'),
    key: readFileSync(config.tls.keyFile, 'utf8'),
  };
}

/** The app without routes. */
export function createApp(config: ControlApiConfig, authorities: readonly string[] = []): App {
  const tls = readTls(config);
  // A certificate is asked for, and who shows none, or one that nobody vouches for, is told so where it matters.
  const clients =
    authorities.length === 0 ? {} : { ca: [...authorities], requestCert: true, rejectUnauthorized: false };
  const options: FastifyServerOptions = {
    bodyLimit: config.bodyBytesMax,
    requestTimeout: config.requestTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 1600 },
    ...(tls === undefined ? {} : { https: { ...tls, ...clients, minVersion: 'TLSv1.2' } }),
  };
  const app = fastify(options) as unknown as App;
  app.server.maxConnections = config.connectionsMax;
  app.setValidatorCompiler(compileValidator);
  // Answers are made by our own types; the schemas describe them.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  return app;
}

/** Describes the API as OpenAPI 3.1; made from the schemas of the routes. */
export async function describeApi(app: App): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Countersign control API',
        version: '1',
        description:
          'Sessions, lockouts, incidents and responses. Errors are problem+json with a code and a hint.',
      },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
  });
  app.get('/openapi.json', { schema: { hide: true }, handler: () => Promise.resolve(app.swagger()) });
}

export function createControlApi(services: ControlApiServices, config: ControlApiConfig): ControlApi {
  const { eventLog, log, clock } = services;
  const views = createViews(services);
  let app: App | undefined;
  let writer: LogWriter | undefined;
  let bound: AddressInfo | undefined;
  let following: Timer | undefined;
  const url = (port: number): string =>
    `${config.tls === undefined ? 'http' : 'https'}://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`;

  const build = async (): Promise<App> => {
    const built = createApp(config, services.logins.authorities());
    readForms(built);
    handleErrors(built, log, config.bodyBytesMax);
    const tokens = await createApiTokens(config.tokens, services.readSecret);
    authenticate(built, tokens, services.logins, clock, config, (actor, request) => {
      // Who tries what his token may not stands in the trail, too.
      if (request.method === 'GET' || request.method === 'HEAD') return;
      const action = `${request.method} ${request.routeOptions.url ?? ''}`;
      const outcome = { outcome: 'refused', reason: 'CONTROL_API_FORBIDDEN' };
      void Promise.resolve(
        services.recordControlAction({
          actor,
          action,
          subject: request.url.slice(0, 512),
          ...outcome,
          incidentId: null,
          idempotencyKey: null,
        }),
      ).catch((error: unknown) => log.error({ error }, 'a refused call could not be recorded'));
    });
    await describeApi(built);
    for (const addRoutes of RESOURCES) addRoutes(built, { services, views, config, writer: () => writer! });
    return built;
  };

  return {
    async start() {
      const { host, port } = config;
      try {
        app = await build();
        // A name of its own for each gateway: copies must not fence one another.
        writer = await eventLog.writer(`control-api/${services.gatewayId}`);
        await Promise.all([views.incidents.start(), views.responses.start()]);
        await Promise.all([views.incidents.caughtUp(), views.responses.caughtUp()]);
        await app.listen({ host, port });
        following = followAuthorities(clock, log, app, () => ({
          ...readTls(config),
          ca: [...services.logins.authorities()],
        }));
        bound = app.server.address() as AddressInfo;
      } catch (error) {
        if (isCountersignError(error)) throw error;
        throw controlApiError(
          'CONTROL_API_LISTEN_FAILED',
          { host, port, reason: (error as Error).message },
          error,
        );
      }
      log.info({ url: url(bound.port) }, 'the control API listens');
    },
    async stop(graceMs = STOP_MS) {
      following?.cancel();
      const closing = app?.close();
      if (closing !== undefined) {
        const ended = new AbortController();
        const patience = clock.sleep(graceMs, ended.signal).catch(() => undefined);
        await Promise.race([closing, patience]);
        ended.abort();
      }
      await Promise.all([views.incidents.stop(), views.responses.stop()]);
      await writer?.close();
    },
    address() {
      if (bound === undefined) throw new Error('the control API has not started');
      return { host: config.host, port: bound.port, url: url(bound.port) };
    },
  };
}
