import { Counter, Gauge, Registry } from 'prom-client';
import { METRICS, type MetricDeclaration } from './metric-list.ts';
import type { Metrics } from './ports.ts';

export interface MetricsRegistry extends Metrics {
  /** All metrics in the text format of Prometheus. */
  text(): Promise<string>;
  /** Media type of `text()`. */
  readonly contentType: string;
}

/**
 * The metrics of the list, in a registry of their own. Metrics without labels begin at 0, so that a rate exists from the
 * first scrape. A name, a label or a use (count on a gauge) that is not declared throws when `strict`, as tests want it;
 * otherwise it is counted in `gatewatch_metrics_undeclared_total` and passed over, since a running system must not stop
 * for it. Counting by a negative or not finite amount is treated the same way.
 */
export function createMetrics({ strict }: { readonly strict: boolean }): MetricsRegistry {
  const registry = new Registry();
  const counters = new Map<string, Counter>();
  const gauges = new Map<string, Gauge>();
  for (const [name, { type, help, labels }] of Object.entries<MetricDeclaration>(METRICS)) {
    const options = { name, help, labelNames: [...labels], registers: [registry] };
    if (type === 'counter') counters.set(name, new Counter(options));
    else gauges.set(name, new Gauge(options));
  }

  function refuse(what: string): void {
    if (strict) throw new Error(what);
    counters.get('gatewatch_metrics_undeclared_total')?.inc();
  }

  function labelsFit(name: string, labels: Readonly<Record<string, string>>): boolean {
    const declared = declaredLabels(name);
    const given = Object.keys(labels);
    if (given.length === declared.length && given.every((label) => declared.includes(label))) return true;
    refuse(`metric ${name} has the labels {${declared.join(',')}}, not {${given.join(',')}}`);
    return false;
  }

  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    count(name, labels, by) {
      const metric = counters.get(name);
      if (metric === undefined) return refuse(`no counter is declared as ${name}`);
      if (!(by >= 0 && by < Number.POSITIVE_INFINITY)) return refuse(`counter ${name} cannot go up by ${by}`);
      if (labelsFit(name, labels)) metric.inc(labels, by);
    },
    gauge(name, labels, value) {
      const metric = gauges.get(name);
      if (metric === undefined) return refuse(`no gauge is declared as ${name}`);
      if (!Number.isFinite(value)) return refuse(`gauge ${name} cannot be ${value}`);
      if (labelsFit(name, labels)) metric.set(labels, value);
    },
  };
}

function declaredLabels(name: string): readonly string[] {
  return (METRICS as Readonly<Record<string, MetricDeclaration>>)[name]?.labels ?? [];
}
