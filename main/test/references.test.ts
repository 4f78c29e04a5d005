/** Pages that are made from what they describe: the written files are up to date, and hold what they must. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { RESOURCES } from '../../gateway/control-api/routes/registry.ts';
import { variableOf, settingOf } from '../../platform/config/environment.ts';
import { checkConfig } from '../config.ts';
import { cliMarkdown } from '../cli-reference.ts';
import { configSchemaText, configurationMarkdown } from '../config-reference.ts';
import { openApiText } from '../openapi-reference.ts';
import { policyInputSchemaText } from '../policy-input-reference.ts';

const root = resolve(import.meta.dirname, '..', '..');
const written = (path: string): string => readFileSync(join(root, path), 'utf8');

describe('references', () => {
  it('docs/cli.md is what the commands say', () => {
    const text = cliMarkdown();
    assert.equal(written('docs/cli.md'), text, 'run `node main/cli-reference.ts`');
    for (const usage of [
      'session tail [options] [session]',
      'run [options] <roles...>',
      'backtest [options] [file]',
      'event import [options] <file>',
    ])
      assert.ok(text.includes(`    countersign ${usage}\n`), usage);
    const empty = text.split('\n').filter((line) => /^\| `.*` \| +\|/.test(line));
    assert.deepEqual(empty, [], 'every option says what it is for');
  });

  it('docs/configuration.md and the JSON Schema are what the TypeBox schema says', () => {
    const hint = 'run `node main/config-reference.ts`';
    const text = configurationMarkdown();
    assert.equal(written('docs/configuration.md'), text, hint);
    assert.equal(written('schemas/config/countersign.schema.json'), configSchemaText(), hint);
    const undescribed = text
      .split('\n')
      .filter((line) => line.startsWith('| `') && (line.split(/(?<!\\)\|/)[4] ?? '').trim() === '');
    assert.deepEqual(undescribed, [], 'every field says what it is');
    assert.ok(text.includes('| `gateway.holdMs` | integer (10–600000) | `2000` |'));
    assert.ok(text.includes('`COUNTERSIGN_GATEWAY__HOLD_MS`'));
  });

  it('docs/policy-input.schema.json is what the TypeBox schema says', () => {
    assert.equal(
      written('docs/policy-input.schema.json'),
      policyInputSchemaText(),
      'run `node main/policy-input-reference.ts`',
    );
  });

  it('names of environment variables and settings are each other’s inverse', () => {
    const variables = [...configurationMarkdown().matchAll(/`(COUNTERSIGN_[A-Z0-9_]+)` \|$/gm)].map(
      (match) => match[1]!,
    );
    assert.ok(variables.length > 60);
    for (const variable of variables) {
      const path = settingOf(variable);
      assert.ok(path !== undefined, variable);
      assert.equal(variableOf(path), variable);
    }
  });

  it('the JSON Schema takes what the program takes, and refuses what it refuses', () => {
    const validate = new Ajv2020({ strict: false, formats: {} }).compile(
      JSON.parse(configSchemaText()) as object,
    );
    const defaults = checkConfig(undefined, {});
    assert.ok(defaults.ok);
    for (const [yaml, expected] of [
      ['{}', true],
      ['gateway: { holdMs: 3000 }', true],
      ['connections: [{ name: a, host: b }]', true],
      ['policy: { rules: [{ name: a, outcome: allow, reason: b }] }', true],
      ['gateway: { holdMs: soon }', false],
      ['gatway: {}', false],
      ['connections: [{ host: b }]', false],
    ] as const)
      assert.equal(validate(parse(yaml)), expected, `${yaml}: ${JSON.stringify(validate.errors)}`);
    assert.equal(validate(JSON.parse(JSON.stringify(defaults.value))), true, JSON.stringify(validate.errors));
  });

  it('docs/openapi.json is what the routes say, and every call is described', async () => {
    const text = await openApiText();
    assert.equal(written('docs/openapi.json'), text, 'run `node main/openapi-reference.ts`');
    const document = JSON.parse(text) as {
      openapi: string;
      paths: Record<string, Record<string, { summary?: string; tags?: string[]; responses?: object }>>;
    };
    assert.match(document.openapi, /^3\.1\./);
    const calls = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, call]) => ({ name: `${method} ${path}`, ...call })),
    );
    assert.ok(calls.length > RESOURCES.length);
    for (const { name, summary, tags, responses } of calls)
      assert.ok(summary !== undefined && tags !== undefined && responses !== undefined, name);
    for (const path of ['/v1/reload', '/v1/events/export', '/v1/lockouts', '/readyz'])
      assert.ok(document.paths[path] !== undefined, path);
  });
});
