import { mkdirSync } from 'node:fs';
import type { App, AppOptions } from './app/contract.ts';
import { startDistributed } from './app/distributed.ts';
import { startEmbedded } from './app/embedded.ts';

/** Starts the program in the mode that its settings ask for. Rejects, with everything stopped again, when a part cannot. */
export function startApp(options: AppOptions): Promise<App> {
  mkdirSync(options.config.data_directory, { recursive: true, mode: 0o700 });
  return options.config.mode === 'embedded' ? startEmbedded(options) : startDistributed(options);
}
