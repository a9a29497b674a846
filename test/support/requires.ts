import { appendFileSync } from 'node:fs';

/**
 * Says that a test needs something this machine may lack. Returns the option for `test(...)`: nothing when it is there,
 * a skip with the reason when it is not. Missing things are collected and named at the end of the run; with
 * GATEWATCH_TEST_REQUIRE=1 (CI) a missing thing is an error at once.
 */
export function requires(what: string, present: boolean): { skip?: string } {
  if (present) return {};
  if (process.env.GATEWATCH_TEST_REQUIRE === '1') throw new Error(`this run must have everything, and lacks: ${what}`);
  const report = process.env.GATEWATCH_TEST_MISSING;
  if (report !== undefined) appendFileSync(report, `${what}\n`);
  return { skip: `needs ${what}` };
}
