/** The engine behind its HTTP front, in a process of its own. Argument: JSON of ClickHouseChildOptions. */
import { drainPending, Session } from 'chdb';
import { serveOverHttp } from './clickhouse-http.ts';

export interface ClickHouseChildOptions {
  readonly directory: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

const { directory, ...front } = JSON.parse(process.argv[2] as string) as ClickHouseChildOptions;
const server = await serveOverHttp(() => new Session(directory), front);
process.stdout.write(`${server.url}\n`);

process.once('SIGTERM', () => {
  void server
    .close()
    .then(drainPending)
    .then(() => process.exit(0));
});
