import type { Metrics } from '../../platform/metrics/metrics.ts';
import type { ThreadedRole } from './threaded-role.ts';

/** A family's HELP and TYPE may stand once only; the samples of all threads follow them. */
export function mergeExpositions(texts: readonly string[]): string {
  const families = new Map<string, { head: string[]; samples: string[] }>();
  for (const text of texts) {
    let name = '';
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const header = /^# (?:HELP|TYPE) (\S+)/.exec(line);
      if (header !== null) name = header[1]!;
      const family = families.get(name) ?? { head: [], samples: [] };
      families.set(name, family);
      if (header === null) family.samples.push(line);
      else if (!family.head.includes(line)) family.head.push(line);
    }
  }
  return (
    [...families.values()].flatMap(({ head, samples }) => [...head, ...sumSamples(samples)]).join('\n') + '\n'
  );
}

/** The same series from two threads is one series: counts add up. */
function sumSamples(samples: readonly string[]): string[] {
  const values = new Map<string, number>();
  for (const sample of samples) {
    const at = sample.lastIndexOf(' ');
    const series = sample.slice(0, at);
    values.set(series, (values.get(series) ?? 0) + Number(sample.slice(at + 1)));
  }
  return [...values].map(([series, value]) => `${series} ${value}`);
}

/** The metrics of the main thread, exposed together with those of the role threads. */
export function withThreadMetrics(metrics: Metrics, threads: readonly ThreadedRole[]): Metrics {
  return {
    ...metrics,
    async expose() {
      // A thread that is gone has nothing to say; the others still do.
      const others = await Promise.all(threads.map((thread) => thread.metrics().catch(() => '')));
      return mergeExpositions([await metrics.expose(), ...others]);
    },
  };
}
