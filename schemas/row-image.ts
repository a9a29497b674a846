/** One detector row as it is saved and restored. The bytes are opaque to everybody but `detector`. */
export interface RowImage {
  /** Row number within the partition. */
  readonly index: number;
  readonly bytes: Uint8Array;
}
