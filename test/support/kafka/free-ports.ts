import { createServer, type Server } from 'node:net';

/**
 * Below the ports that Linux gives to outgoing connections (32768 and up, net.ipv4.ip_local_port_range) and macOS too: there
 * a client that keeps calling a stopped broker can be given the broker's own port as its source, and then speaks to itself.
 */
const LOWEST = 20_000;
const HIGHEST = 32_000;

/** Ports of 127.0.0.1 that nobody listens at now, each another. They are not held. */
export async function freePorts(count: number): Promise<number[]> {
  const held: Server[] = [];
  const ports: number[] = [];
  while (ports.length < count) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    const server = await listenAt(port);
    if (server === null) continue;
    held.push(server);
    ports.push(port);
  }
  await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function listenAt(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
