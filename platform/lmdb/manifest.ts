import { GatewatchError } from '../../schemas/errors.ts';
import { type Environment, MANIFEST_TABLE } from './environment.ts';

/** What a data directory was created with: names to values, for instance `partitions.events` to 8. */
export type Manifest = Readonly<Record<string, string | number>>;

const KEY = Buffer.from('manifest');

/** The manifest that the directory was created with; null when it is new. */
export function readManifest(environment: Environment): Manifest | null {
  const bytes = environment.table(MANIFEST_TABLE).getBinary(KEY);
  return bytes === undefined ? null : (JSON.parse(bytes.toString('utf8')) as Manifest);
}

/**
 * Makes sure that the directory was created with the wanted values, and records those that it does not know yet.
 * Rejects with `state_foreign` when one differs; `advice` says what helps.
 */
export async function agreeOnManifest(
  environment: Environment,
  directory: string,
  wanted: Manifest,
  advice: string,
): Promise<void> {
  const found = readManifest(environment) ?? {};
  for (const [name, value] of Object.entries(wanted)) {
    if (name in found && found[name] !== value) {
      throw new GatewatchError(
        'state_foreign',
        `${directory} was created with ${name} = ${found[name]}, and this program wants ${value}. ${advice}`,
      );
    }
  }
  if (Object.keys(wanted).every((name) => name in found)) return;
  const value = Buffer.from(JSON.stringify({ ...found, ...wanted }));
  await environment.commit([{ table: environment.table(MANIFEST_TABLE), key: KEY, value }]);
}
