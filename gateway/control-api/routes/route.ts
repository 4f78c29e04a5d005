import type { LogWriter } from '../../../platform/event-log/event-log.ts';
import type { ControlApiConfig } from '../../../schemas/config/control-api.ts';
import { Problem } from '../../../schemas/api/common.ts';
import type { TSchema } from 'typebox';
import type { App } from '../http/app.ts';
import type { ControlApiServices } from '../services.ts';
import type { Views } from '../views/views.ts';

/** What every resource gets to build its routes on. */
export interface RouteContext {
  readonly services: ControlApiServices;
  readonly views: Views;
  readonly config: ControlApiConfig;
  /** Writes what people decided about responses. */
  readonly writer: () => LogWriter;
}

/** One resource of the API: adds its routes. */
export type Resource = (app: App, context: RouteContext) => void;

/** The answers of a route for the API's description. */
export const answers = <S extends TSchema>(schema: S) => ({ 200: schema, '4xx': Problem, '5xx': Problem });

/** Page options without the fields that are absent. */
export const pageOptions = ({ limit, after }: { limit: number; after?: string }) =>
  after === undefined ? { limit } : { limit, after };
