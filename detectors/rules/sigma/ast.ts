/** A rule after parsing and before compiling to closures; mutation tests change this form. */
import type { Severity } from '../../../schemas/types.ts';
import type { Scalar } from './tree.ts';

export type ConditionNode =
  | { readonly kind: 'and' | 'or'; readonly children: readonly ConditionNode[] }
  | { readonly kind: 'not'; readonly child: ConditionNode }
  | { readonly kind: 'selection'; readonly name: string }
  /** `1 of sel*`, `all of them`; count null is all. */
  | { readonly kind: 'of'; readonly count: number | null; readonly pattern: string };

export interface FieldItem {
  readonly field: string;
  readonly modifiers: readonly string[];
  readonly values: readonly Scalar[];
  readonly line: number;
  /** Only set by mutation tests. */
  readonly negated?: boolean;
}

export type Selection =
  /** All items. */
  | { readonly kind: 'map'; readonly items: readonly FieldItem[] }
  /** Any of the selections. */
  | { readonly kind: 'list'; readonly alternatives: readonly Selection[] }
  | { readonly kind: 'keywords'; readonly item: FieldItem };

export interface RuleMeta {
  readonly file: string;
  readonly line: number;
  readonly title: string;
  readonly id: string | null;
  readonly name: string | null;
  readonly tags: readonly string[];
  readonly severity: Severity;
  readonly risk: number;
  /** Template in plain words. */
  readonly reason: string;
  readonly runbook: string | null;
  /** Has a block `countersign`. */
  readonly ours: boolean;
}

export interface PlainRule {
  readonly kind: 'plain';
  readonly meta: RuleMeta;
  readonly selections: ReadonlyMap<string, Selection>;
  /** Several conditions are alternatives. */
  readonly condition: ConditionNode;
  readonly conditionLine: number;
}

export type CorrelationType =
  | 'event_count'
  | 'value_count'
  | 'value_sum'
  | 'value_avg'
  | 'value_percentile'
  | 'value_median'
  | 'temporal'
  | 'temporal_ordered';

export interface Criterion {
  readonly operator: 'gt' | 'gte' | 'lt' | 'lte' | 'eq';
  readonly value: number;
}

export interface CorrelationRule {
  readonly kind: 'correlation';
  readonly meta: RuleMeta;
  readonly type: CorrelationType;
  /** Ids or names. */
  readonly rules: readonly string[];
  readonly groupBy: readonly string[];
  readonly timespanMs: number;
  /** alias -> rule name -> field. */
  readonly aliases: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly criteria: readonly Criterion[];
  readonly field: string | null;
  readonly percentile: number;
  readonly generate: boolean;
}

export type SigmaRule = PlainRule | CorrelationRule;
