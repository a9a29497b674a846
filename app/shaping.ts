import type { Config } from '../config/schema.ts';
import { createPseudonymizer } from '../ingest/pseudonym.ts';

/** What shapes event lines, for telling whether it changed; the key as a fingerprint. */
export function shapingOf(config: Config, key: Buffer): unknown {
  return {
    tenant: config.tenant,
    key: createPseudonymizer({ key, tenant: 'epoch' }).pseudonym('service', 'fingerprint'),
    sources: config.sources.map(({ name, format, mapping, zone, trusted_proxies }) => ({
      name,
      format,
      mapping,
      zone: zone?.minutes,
      trusted_proxies,
    })),
  };
}
