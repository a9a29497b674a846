import { join } from 'node:path';
import { afterEach, beforeEach } from 'node:test';
import type { Intake } from '../../ingest/intake.ts';
import { createFileSource, type FileSource, type FileSourceOptions } from '../../ingest/sources/file.ts';
import { createSourcesMemoryBus, type SourcesMemoryBus } from './sources-memory-bus.ts';
import { NO_METRICS, QUIET_LOG, type StoredLine, storedLines, TEST_FORMAT, testIntake } from './sources-rig.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** What each test of the file source gets anew: a folder, a bus and the real intake. */
export interface FileSourceRig {
  readonly folder: string;
  /** Path of the log in the folder; the file is not there yet. */
  readonly path: string;
  bus: SourcesMemoryBus;
  intake: Intake;
  /** A source on the path, stopped after the test. */
  source(options?: Partial<FileSourceOptions>): FileSource;
  started(options?: Partial<FileSourceOptions>): Promise<FileSource>;
  /** What became durable. */
  lines(): StoredLine[];
  texts(): string[];
  sources(): string[];
}

/** Registers the hooks of the test file that calls it. */
export function fileSourceRig(): FileSourceRig {
  let directory = { path: '', remove() {} };
  let running: FileSource[] = [];
  const rig: FileSourceRig = {
    get folder() {
      return directory.path;
    },
    get path() {
      return join(directory.path, 'access.log');
    },
    bus: createSourcesMemoryBus(),
    intake: testIntake(createSourcesMemoryBus()),
    source(options = {}) {
      const source = createFileSource({
        name: 'web',
        path: rig.path,
        format: TEST_FORMAT,
        from: 'beginning',
        intake: rig.intake,
        bus: rig.bus,
        clock: { now: () => Date.now() },
        log: QUIET_LOG,
        metrics: NO_METRICS,
        pollMs: 10,
        graceMs: 20,
        lingerMs: 100,
        ...options,
      });
      running.push(source);
      return source;
    },
    async started(options) {
      const source = rig.source(options);
      await source.start();
      return source;
    },
    lines: () => storedLines(rig.bus.records),
    texts: () => rig.lines().map((line) => line.text),
    sources: () => [...new Set(rig.lines().map((line) => line.source))],
  };

  beforeEach(() => {
    directory = temporaryDirectory();
    rig.bus = createSourcesMemoryBus();
    rig.intake = testIntake(rig.bus);
  });
  afterEach(async () => {
    for (const source of running) await source.stop();
    running = [];
    rig.bus.full(false);
    rig.bus.hold(false);
    await rig.intake.close();
    directory.remove();
  });
  return rig;
}
