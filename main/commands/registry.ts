/** Commands that need more than HTTP: each role's own, one line each. */
import type { RegisterCommands } from '../../cli/context.ts';
import { registerAudit } from './audit.ts';
import { registerBacktest } from './backtest.ts';
import { registerConfig } from './config.ts';
import { registerEventImport } from './events.ts';
import { registerExercise } from './exercise.ts';
import { registerPlaybookTest } from './playbooks.ts';
import { registerPolicy } from './policy.ts';
import { registerRules } from './rules.ts';
import { registerUp } from './up.ts';

export const FURTHER_COMMANDS: readonly RegisterCommands[] = [
  registerUp,
  registerConfig,
  registerEventImport,
  registerAudit,
  registerRules,
  registerPolicy,
  registerPlaybookTest,
  registerBacktest,
  registerExercise,
];
