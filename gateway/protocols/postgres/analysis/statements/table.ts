/** The table from node type to handler. What is in neither this nor PLAIN_NODES is opaque_code. */
import type { Handlers } from '../handlers.ts';
import { code } from './code.ts';
import { expressions } from './expressions.ts';
import { objects } from './objects.ts';
import { queries } from './queries.ts';
import { roles } from './roles.ts';
import { settings } from './settings.ts';
import { utility } from './utility.ts';

const ALL: Handlers = { ...queries, ...expressions, ...settings, ...roles, ...objects, ...code, ...utility };

/** Own keys only: a node type that is named like a method of objects finds nothing. */
export const HANDLERS: ReadonlyMap<string, Handlers[string]> = new Map(Object.entries(ALL));
