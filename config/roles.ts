/** Parts of the work that a process can take on: read sources, detect, store and serve. */
export const ROLES = ['ingest', 'core', 'serve'] as const;
export type Role = (typeof ROLES)[number];

/**
 * What is wrong with a choice of roles in a mode, and what to type instead; null when it fits. Only distributed processes
 * share the work: what the embedded one leaves out, nobody does.
 */
export function rolesFault(
  mode: 'embedded' | 'distributed',
  roles: readonly Role[],
): { readonly message: string; readonly hint: string } | null {
  const missing = ROLES.filter((role) => !roles.includes(role));
  if (mode === 'distributed' || missing.length === 0) return null;
  const message = `in mode embedded one process has all roles, and ${missing.join(' and ')} would be nobody's`;
  return { message, hint: 'gatewatch run without --roles, or mode: distributed in the settings' };
}
