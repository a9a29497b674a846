import type { ConfigureControl, ControlLine } from '../schemas/control.ts';
import { CHANNELS, TICKS } from '../schemas/decision.ts';
import { GatewatchError } from '../schemas/errors.ts';
import { IDENTITY_KINDS } from '../schemas/identity.ts';
import type { Policy } from '../schemas/policy.ts';
import { type Calibration, type GroupPriors, type Priors, TAIL_BIN_WIDTH, TAIL_BINS } from '../schemas/priors.ts';
import { scaleOffsets } from './assess.ts';
import { buildTailMap, type TailMap } from './calibrate.ts';
import type { TailMaps } from './row-view.ts';

/** What is in effect at a place of the log. */
export interface Control {
  readonly policy: Policy;
  readonly priors: Priors;
  /** Priors and scale offsets by number of the identity kind. */
  readonly groups: readonly { readonly priors: GroupPriors; readonly offsets: Float64Array }[];
  readonly maps: TailMaps;
}

/** As it is saved with the rows. */
export type ControlState = ConfigureControl;

export interface Controls {
  apply(line: ControlLine): void;
  current(): Control;
  versions(): { policy: number; priors: number; calibration: number };
  state(): ControlState | null;
  restore(state: ControlState): void;
}

/** Keeps what the control lines so far have put into effect. */
export function createControls(priors: readonly Priors[], calibrations: readonly Calibration[]): Controls {
  let line: ConfigureControl | null = null;
  let control: Control | null = null;

  function apply(next: ControlLine): void {
    const withPriors = priors.find((set) => set.version === next.priors);
    const calibration = calibrations.find((set) => set.version === next.calibration);
    if (withPriors === undefined || calibration === undefined) {
      throw new GatewatchError(
        'state_foreign',
        `the event log asks for priors ${next.priors} and calibration ${next.calibration}, which this program does not have: ` +
          'run the version that wrote the log until it has caught up, or begin with an empty data directory',
      );
    }
    line = next;
    const groups = IDENTITY_KINDS.map((kind) => {
      const group = withPriors.kinds[kind];
      return { priors: group, offsets: scaleOffsets(group) };
    });
    control = { policy: next.policy, priors: withPriors, groups, maps: tailMaps(calibration) };
  }

  function current(): Control {
    if (control === null) throw new Error('the event log does not begin with a control line');
    return control;
  }

  return {
    apply,
    current,
    versions: () => ({
      policy: current().policy.version,
      priors: current().priors.version,
      calibration: current().maps.version,
    }),
    state: () => line,
    restore: apply,
  };
}

const built = new WeakMap<Calibration, TailMaps>();

/** Maps of a calibration, built once for all partitions. A channel without a histogram keeps its raw p. */
export function tailMaps(calibration: Calibration): TailMaps {
  const known = built.get(calibration);
  if (known !== undefined) return known;
  const mapOf = (channel: string, tick: string): TailMap => {
    const histogram = calibration.histograms.find((h) => h.channel === channel && h.tick === tick);
    return histogram === undefined ? identityMap() : buildTailMap(histogram);
  };
  const maps: TailMaps = {
    version: calibration.version,
    channels: CHANNELS.map((channel) => TICKS.map((tick) => mapOf(channel, tick))),
    total: TICKS.map((tick) => mapOf('total', tick)),
  };
  built.set(calibration, maps);
  return maps;
}

/** The map that changes nothing. */
function identityMap(): TailMap {
  return Float64Array.from({ length: TAIL_BINS }, (_, bin) => -bin * TAIL_BIN_WIDTH * Math.LN10);
}
