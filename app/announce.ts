import { createHash } from 'node:crypto';
import { DEFAULT_PRIORS } from '../detector/data/default-priors.ts';
import { ROOT_CALIBRATION } from '../detector/data/root-calibration.ts';
import type { Bus } from '../platform/ports.ts';
import { encodeControl } from '../schemas/block.ts';
import type { ConfigureControl } from '../schemas/control.ts';
import type { Policy } from '../schemas/policy.ts';

const EPOCH_MARK = 'app/epoch';
const CONTROL_MARK = 'app/control';

/**
 * The number of the configuration that shapes identity, route, redaction and pseudonyms. It rises whenever that
 * configuration changes; the caller has no line in flight, since sources are not open yet.
 */
export async function agreeOnEpoch(bus: Bus, shaping: unknown): Promise<number> {
  const hash = createHash('sha256').update(JSON.stringify(shaping)).digest('hex');
  const known = bus.getMark(EPOCH_MARK);
  const last = known === null ? { epoch: 0, hash: '' } : (JSON.parse(known) as { epoch: number; hash: string });
  if (last.hash === hash) return last.epoch;
  const epoch = last.epoch + 1;
  await bus.append([], [{ key: EPOCH_MARK, value: JSON.stringify({ epoch, hash }) }]);
  return epoch;
}

/**
 * Writes a control line to every partition of `events` when policy or data versions are not those that were last
 * announced. All partitions and the note of it are one append: either all detectors hear of it, or none.
 */
export async function announceConfiguration(bus: Bus, policy: Policy, epoch: number, now: number): Promise<void> {
  const control: ConfigureControl = {
    type: 'configure',
    policy,
    priors: DEFAULT_PRIORS.version,
    calibration: ROOT_CALIBRATION.version,
  };
  const text = JSON.stringify(control);
  if (bus.getMark(CONTROL_MARK) === text) return;
  const value = encodeControl(control, epoch, now);
  const records = Array.from({ length: bus.partitions('events') }, (_, partition) => ({
    topic: 'events' as const,
    partition,
    value,
  }));
  await bus.append(records, [{ key: CONTROL_MARK, value: text }], { atomic: true });
}
