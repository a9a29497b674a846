import { createRequire } from 'node:module';

/** Whether the embedded engine and its native library are there. */
export function chdbPresent(): boolean {
  try {
    createRequire(import.meta.url)('chdb');
    return true;
  } catch {
    return false;
  }
}

export const CHDB = 'chdb (the optional package with the ClickHouse engine)';
