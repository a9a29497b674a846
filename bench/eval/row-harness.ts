import { scaleOffsets } from '../../detector/assess.ts';
import { tailMapsByKind } from '../../detector/control.ts';
import { createCountDetector } from '../../detector/detectors/counts.ts';
import { KIND, ROW_WORDS } from '../../detector/layout.ts';
import type { Observation } from '../../detector/observation.ts';
import type { RowView, TailMaps, TailSink } from '../../detector/row-view.ts';
import { createTicks, type TickOutcome } from '../../detector/ticks.ts';
import { IDENTITY_KINDS, type IdentityKind } from '../../schemas/identity.ts';
import { DEFAULT_POLICY } from '../../schemas/policy.ts';
import type { Calibration, Priors } from '../../schemas/priors.ts';

/** One row at a time under the detector's own code, without blocks around it: for simulations of many identities. */
export interface Harness {
  /** Begins a new identity. */
  fresh(kind: number): void;
  observe(o: Observation): TickOutcome;
  readonly view: RowView;
}

export function createHarness(priors: Priors, calibration: Calibration, sink: TailSink | null): Harness {
  const byKind = tailMapsByKind(calibration);
  let maps = byKind[0] as TailMaps;
  const ticks = createTicks(createCountDetector('requests'), createCountDetector('objects'), sink);
  const buffer = new ArrayBuffer(ROW_WORDS * 4);
  const view = { words: new Uint32Array(buffer), floats: new Float32Array(buffer), at: 0 } as RowView;
  let newestMs = 0;
  return {
    view,
    fresh(kind) {
      view.words.fill(0);
      view.words[KIND] = kind;
      view.priors = priors.kinds[IDENTITY_KINDS[kind] as IdentityKind];
      view.offsets = scaleOffsets(view.priors);
      maps = byKind[kind] as TailMaps;
      newestMs = 0;
      ticks.start(view);
    },
    observe(o) {
      const outcome = ticks.observe(view, maps, DEFAULT_POLICY, o, newestMs);
      newestMs = Math.max(newestMs, o.timeMs);
      return outcome;
    },
  };
}
