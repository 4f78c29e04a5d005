/** The API's description without a running gateway. */
import Value from 'typebox/value';
import { ControlApiConfig } from '../../schemas/config/control-api.ts';
import { createApp, describeApi } from './control-api.ts';
import { readForms } from './http/forms.ts';
import { RESOURCES } from './routes/registry.ts';
import type { RouteContext } from './routes/route.ts';

/** Whatever is looked at is there. */
const surroundings: object = new Proxy(() => undefined, {
  get: (_, name) => (name === Symbol.toPrimitive ? () => 1 : surroundings),
});

/** The same document as GET /openapi.json answers. */
export async function openApiDocument(): Promise<unknown> {
  const config = Value.Default(ControlApiConfig, {}) as ControlApiConfig;
  const app = createApp(config);
  readForms(app);
  await describeApi(app);
  // Routes look at their surroundings, but ask them only when they are called, and nobody calls here.
  const context = {
    services: surroundings,
    views: surroundings,
    config,
    writer: () => undefined,
  } as unknown as RouteContext;
  for (const addRoutes of RESOURCES) addRoutes(app, context);
  await app.ready();
  const document: unknown = app.swagger();
  await app.close();
  return document;
}
