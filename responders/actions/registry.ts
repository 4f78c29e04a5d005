/** All actions. To add one: a file beside this, its test, one line here. */
import type { Action } from './action.ts';
import { endSession } from './end-session.ts';
import { lockOut } from './lock-out.ts';
import { notify } from './notify.ts';
import { revokeToken } from './revoke-token.ts';

export const ACTIONS: readonly Action[] = [lockOut, endSession, revokeToken, notify];

export const actionNamed = (name: string): Action | undefined =>
  ACTIONS.find((action) => action.name === name);
