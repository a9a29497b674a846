import { GatewatchError } from '../../schemas/errors.ts';

/** What a data directory was created with: names to values, for instance `partitions.events` to 8. */
export type Manifest = Readonly<Record<string, string | number>>;

/**
 * The manifest that a directory has from now on: what was found in it (null: it is new) with what is wanted.
 * Throws `state_foreign` when a value differs; `advice` says what helps.
 */
export function agreeOnManifest(directory: string, found: Manifest | null, wanted: Manifest, advice: string): Manifest {
  for (const [name, value] of Object.entries(wanted)) {
    const former = found?.[name];
    if (former !== undefined && former !== value) {
      throw new GatewatchError(
        'state_foreign',
        `${directory} was created with ${name} = ${former}, and this program wants ${value}. ${advice}`,
      );
    }
  }
  return { ...found, ...wanted };
}
