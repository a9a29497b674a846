import assert from 'node:assert/strict';
import type { AddressInfo, Server } from 'node:net';
import { openServerStore, type ServerStoreOptions } from '../../platform/store/server.ts';
import { GatewatchError } from '../../schemas/errors.ts';

export const PASSWORD = 'hunter2-of-the-store';

export function optionsFor(url: string, more: Partial<ServerStoreOptions> = {}): ServerStoreOptions {
  return { url, database: 'gatewatch', username: 'writer', password: PASSWORD, tls: null, cluster: null, ...more };
}

/** What opening fails with. The password is in none of it. */
export async function refusal(
  options: ServerStoreOptions,
): Promise<{ code: string; transient: boolean; message: string }> {
  try {
    const store = await openServerStore(options);
    await store.close();
  } catch (error) {
    assert.ok(error instanceof GatewatchError, String(error));
    assert.doesNotMatch(`${error.message} ${error.stack} ${JSON.stringify(error.cause)}`, /hunter2/);
    assert.doesNotMatch(error.message, /\n/);
    return { code: error.code, transient: error.transient, message: error.message };
  }
  return assert.fail('it opened');
}

export async function listening(server: Server, host = '127.0.0.1'): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as AddressInfo).port;
}
