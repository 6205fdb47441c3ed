/** Ten words of an instruction: where the windows of a convolution lie. */
// @ts-ignore: decorator
@unmanaged
export class Geometry {
  height: i32;
  width: i32;
  outHeight: i32;
  outWidth: i32;
  kernelHeight: i32;
  kernelWidth: i32;
  /** Strides. */
  down: i32;
  across: i32;
  /** Padding. */
  top: i32;
  left: i32;

  /** From word `index` of an instruction's arguments. */
  // @ts-ignore: decorator
  @inline
  static at(instruction: usize, index: i32): Geometry {
    return changetype<Geometry>(instruction + 8 + (<usize>index << 2));
  }
}
