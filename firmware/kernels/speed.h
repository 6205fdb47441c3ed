/* Included first by kernels whose loops need the optimiser: with GCC they stay as fast under -Os, the usual choice for
   microcontrollers, where they would take up to 1.4 times as long. The rest of a program is as small as it asks for. */
#ifndef PHINETS_SPEED_H
#define PHINETS_SPEED_H

#if defined(__OPTIMIZE_SIZE__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O2")
#endif

#endif
