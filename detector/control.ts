import type { ConfigureControl, ControlLine } from '../schemas/control.ts';
import { CHANNELS, TICKS } from '../schemas/decision.ts';
import { GatewatchError } from '../schemas/errors.ts';
import { IDENTITY_KINDS, type IdentityKind } from '../schemas/identity.ts';
import type { Policy } from '../schemas/policy.ts';
import {
  type Calibration,
  GROUP_SAMPLES_MIN,
  type GroupPriors,
  type Priors,
  TAIL_BIN_WIDTH,
  TAIL_BINS,
  type TailHistogram,
} from '../schemas/priors.ts';
import { scaleOffsets } from './assess.ts';
import { buildTailMap, type TailMap } from './calibrate.ts';
import type { TailMaps } from './row-view.ts';

/** What is in effect at a place of the log. */
export interface Control {
  readonly policy: Policy;
  readonly priors: Priors;
  /** What a group goes by, by number of the identity kind. */
  readonly groups: readonly { readonly priors: GroupPriors; readonly offsets: Float64Array; readonly maps: TailMaps }[];
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
    const maps = tailMapsByKind(calibration);
    const groups = IDENTITY_KINDS.map((kind, number) => {
      const group = withPriors.kinds[kind];
      return { priors: group, offsets: scaleOffsets(group), maps: maps[number] as TailMaps };
    });
    control = { policy: next.policy, priors: withPriors, groups };
    line = next;
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
      calibration: (line as ConfigureControl).calibration,
    }),
    state: () => line,
    restore: apply,
  };
}

const built = new WeakMap<Calibration, readonly TailMaps[]>();

/**
 * Maps of a calibration by number of the identity kind, built once for all partitions. A kind whose group has fewer than
 * GROUP_SAMPLES_MIN samples of a channel uses the root's map; a channel without any histogram keeps its raw p.
 */
export function tailMapsByKind(calibration: Calibration): readonly TailMaps[] {
  const known = built.get(calibration);
  if (known !== undefined) return known;
  const maps = new Map<TailHistogram, TailMap>();
  const mapOf = (kind: IdentityKind, channel: string, tick: string): TailMap => {
    const of = calibration.histograms.filter((h) => h.channel === channel && h.tick === tick);
    const own = of.find((h) => h.kinds?.includes(kind) === true && h.n >= GROUP_SAMPLES_MIN);
    const histogram = own ?? of.find((h) => h.kinds === null);
    if (histogram === undefined) return identityMap();
    const map = maps.get(histogram) ?? buildTailMap(histogram);
    maps.set(histogram, map);
    return map;
  };
  const byKind = IDENTITY_KINDS.map(
    (kind): TailMaps => ({
      version: calibration.version,
      channels: CHANNELS.map((channel) => TICKS.map((tick) => mapOf(kind, channel, tick))),
      total: TICKS.map((tick) => mapOf(kind, 'total', tick)),
    }),
  );
  built.set(calibration, byKind);
  return byKind;
}

/** The map that changes nothing. */
function identityMap(): TailMap {
  return Float64Array.from({ length: TAIL_BINS }, (_, bin) => -bin * TAIL_BIN_WIDTH * Math.LN10);
}
