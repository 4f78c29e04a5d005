/** Reasons in plain words: `{field}` is replaced by the field's values; numbers among them become the finding's figures. */
import type { Figure } from '../../../schemas/types.ts';
import type { EventView, FactValue } from '../../detector.ts';
import { fieldReader } from '../fields.ts';

export type Render = (
  view: EventView,
  extra: Readonly<Record<string, FactValue>>,
) => { reason: string; figures: Figure[] };

const VALUES_SHOWN = 5;
const CHARS_SHOWN = 120;
const REASON_MAX = 1000;

export function compileTemplate(template: string): Render {
  // Even parts are text, odd parts names.
  const parts = template.split(/\{([\w.-]+)\}/);
  const readers = parts.map((part, index) => (index % 2 === 1 ? fieldReader(part) : null));
  return (view, extra) => {
    const figures: Figure[] = [];
    const reason = parts
      .map((part, index) => {
        const read = readers[index];
        if (!read) return part;
        const given = extra[part];
        const values = given === undefined ? read(view).filter((value) => value !== null) : [given];
        for (const value of values.slice(0, 1))
          if (typeof value === 'number') figures.push({ name: part, value, usual: null, unit: '' });
        return show(values);
      })
      .join('');
    return { reason: reason.slice(0, REASON_MAX), figures };
  };
}

function show(values: readonly FactValue[]): string {
  if (values.length === 0) return 'unknown';
  const shown = [...new Set(values)].slice(0, VALUES_SHOWN).map((value) => {
    if (typeof value === 'number') return String(Math.round(value * 10) / 10);
    const text = String(value).replace(/\s+/g, ' ');
    return text.length > CHARS_SHOWN ? `${text.slice(0, CHARS_SHOWN)}...` : text;
  });
  return (
    shown.join(', ') + (values.length > VALUES_SHOWN ? `, and ${values.length - VALUES_SHOWN} more` : '')
  );
}
