import type { Policy } from '../../schemas/policy.ts';

/** All installations of a test give the same pseudonyms, so that their rows can be compared. */
export const KEY = 'ab'.repeat(32);

/** So low that many identities are decided about, whatever the calibration: the comparison then has much to say. */
export const LOW_LADDER: Policy['ladder'] = {
  observe: 1,
  notify: 2,
  throttle: 3,
  revoke_session: 5,
  revoke_credential: 8,
};
