import type { Calibration } from '../../schemas/priors.ts';
export const ROOT_CALIBRATION: Calibration = { version: 1, origin: 'none yet', histograms: [] };
