/** `value` within [low, high]; NaN gives `low`. */
export function clamp(value: number, low: number, high: number): number {
  if (!(value > low)) return low;
  return Math.min(value, high);
}
