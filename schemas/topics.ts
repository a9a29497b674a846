/** The logs on the bus. `events` and what is derived from it share the number of partitions. */
export const TOPICS = ['events', 'decisions', 'dead-letter'] as const;
export type Topic = (typeof TOPICS)[number];

/** Partitions of `events` in embedded mode; fixed when the data directory is created. */
export const EMBEDDED_PARTITIONS = 8;
