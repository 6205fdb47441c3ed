/* Offsets of the members of the structs in armv6m.h, for the assembler. armv6m.c checks them at compile time. */
#ifndef PHINETS_ARMV6M_OFFSETS_H
#define PHINETS_ARMV6M_OFFSETS_H

/* phinets_armv6m_channels */
#define BIAS 0
#define MULTIPLIER 4
#define SHIFT 8
#define OUTPUT 12
#define TABLE 16
#define SUMS 20
#define SUMS_END 24
#define STEP 28
#define BASE 32
#define ZERO_POINT 36
#define CURRENT_MULTIPLIER 40
#define RIGHT_SHIFT 44
#define ADDED 48
#define START 52

/* phinets_armv6m_product */
#define PIXELS 56
#define FILTER 60
#define WEIGHTS 64
#define TAPS 68
#define PAIRS 72
#define DOTS 76
#define DOTS_END 80
#define TAPS_ZERO 84
#define FILTERS 88

/* phinets_armv6m_depthwise */
#define CHANNEL_WEIGHTS 56
#define PRESENT 60
#define INPUT_ZERO 64
#define COUNT 68
#define PIXEL 72
#define PADDED 76
#define NEXT 80
#define COMPLETED 84
#define COMPLETED_END 88
#define RIGHT 92
#define ROWS 96

/* phinets_armv6m_addition */
#define ADD_A 0
#define ADD_B 4
#define ADD_BASE 8
#define ADD_NEAR 12
#define ADD_SIZE 16

/* phinets_armv6m_factors */
#define FACTOR_SCALE 0
#define FACTOR_BASE 4
#define FACTOR_NEAR 8
#define FACTOR_A_ZERO 12
#define FACTOR_B_ZERO 16
#define FACTOR_CHANNELS 20
#define FACTOR_PIXELS 24

#endif
