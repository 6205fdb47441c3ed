/* Kernels with time-critical loops include this file first. With GCC it compiles them with -O2 even under -Os, the
   usual choice for microcontrollers, with which they would take up to 1.4 times as long. Other sources are not
   affected. */
#ifndef PHINETS_SPEED_H
#define PHINETS_SPEED_H

#if defined(__OPTIMIZE_SIZE__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O2")
#endif

#endif
