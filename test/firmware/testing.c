/*
 * Compares the kernels of firmware/kernels with the reference on random layers. -DCASES=n: number of layers of each
 * kind; -DSEED=n: seed. Tests the portable kernels; with -DDSP and -DHELIUM also those. Prints "values N wrong W
 * stack S" and exits with 1 if W is not 0.
 */
#include "testing.h"

#ifndef CASES
#define CASES 100
#endif
#ifndef SEED
#define SEED 1
#endif

#ifdef __arm__
#include "semihosting.h"
#include "startup.h"

static void on_fault(void) {
  semihosting_print("fault\n");
  semihosting_exit(99);
}

typedef void (*handler)(void);
__attribute__((section(".vectors"), used)) static const handler vectors[16] = {
    (handler)stack_top, Reset_Handler, on_fault, on_fault, on_fault, on_fault, on_fault,
};
#else
#include <stdio.h>
#include <stdlib.h>
#endif

static uint32_t state;

void seed_random(uint32_t seed) { state = seed * 7919u + 2463534242u; }

uint32_t random_word(void) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state * 2654435769u >> 3 ^ state;
}

int32_t between(int32_t lowest, int32_t highest) {
  return lowest + (int32_t)(random_word() % (uint32_t)(highest - lowest + 1));
}

int chance(int32_t percent) { return between(0, 99) < percent; }

int32_t random_multiplier(void) {
  if (chance(5)) return chance(50) ? 1 << 30 : INT32_MAX;
  return between(1 << 30, INT32_MAX - 1);
}

enum { SURROUNDING = 64, BLOCKS = 96, MEMORY = 2 * 1024 * 1024, PAINT = -91 };

static struct {
  int8_t *at;
  int32_t bytes;
} blocks[BLOCKS];
static int32_t block_count;

#ifdef __arm__
static int8_t memory[MEMORY] __attribute__((aligned(8)));
static int32_t used;

static int8_t *room_for(int32_t bytes, int32_t slack) {
  (void)slack;
  int8_t *at = memory + used + SURROUNDING;
  used = (used + bytes + 2 * SURROUNDING + 7) & ~7;
  if (used > MEMORY) {
    print("no memory left\n");
    semihosting_exit(98);
  }
  memset(at - SURROUNDING, PAINT, SURROUNDING);
  memset(at + bytes, PAINT, SURROUNDING);
  return at;
}

void print(const char *text) { semihosting_print(text); }

static void print_unsigned(uint32_t number) { semihosting_print_number(number); }
#else
static int8_t *room_for(int32_t bytes, int32_t slack) {
  int8_t *at = malloc((size_t)(bytes + slack) + 1);
  if (at == NULL) exit(98);
  memset(at + bytes, PAINT, (size_t)slack);
  return at;
}

void print(const char *text) { fputs(text, stdout); }

static void print_unsigned(uint32_t number) { printf("%lu", (unsigned long)number); }
#endif

void print_number(int32_t number) {
  if (number < 0) print("-");
  print_unsigned(number < 0 ? 0u - (uint32_t)number : (uint32_t)number);
}

void *take(int32_t bytes, int32_t slack) {
  if (block_count == BLOCKS) {
    expect_equal("blocks of a case", 0, BLOCKS, 0);
    end_case();
  }
  int8_t *at = room_for(bytes, slack);
  blocks[block_count].at = at;
  blocks[block_count++].bytes = bytes;
  return at;
}

int8_t *random_bytes(int32_t bytes, int32_t slack) {
  int8_t *at = take(bytes, slack);
  const int extremes = chance(15);
  for (int32_t i = 0; i < bytes; i++)
    at[i] = (int8_t)(extremes ? (chance(50) ? -128 : 127) : (int32_t)(random_word() & 255u) - 128);
  return at;
}

void check_surroundings(const void *block, int32_t spill) {
#ifdef __arm__
  for (int32_t b = 0; b < block_count; b++) {
    const int8_t *at = blocks[b].at;
    for (int32_t i = 1; i <= SURROUNDING; i++) expect_equal("before a block", -i, at[-i], PAINT);
    for (int32_t i = at == block ? spill : 0; i < SURROUNDING; i++)
      expect_equal("behind a block", i, at[blocks[b].bytes + i], PAINT);
  }
#else
  (void)block, (void)spill;
#endif
}

void end_case(void) {
#ifdef __arm__
  used = 0;
#else
  for (int32_t b = 0; b < block_count; b++) free(blocks[b].at);
#endif
  block_count = 0;
}

static int32_t compared, wrong;

void expect_equal(const char *what, int32_t index, int32_t actual, int32_t expected) {
  compared++;
  if (actual == expected || wrong++ >= 10) return;
  print(what), print(" "), print_number(index), print(": "), print_number(actual), print(", not ");
  print_number(expected), print("\n");
}

void expect_bytes(const char *what, const int8_t *actual, const int8_t *expected, int32_t count) {
  for (int32_t i = 0; i < count; i++) expect_equal(what, i, actual[i], expected[i]);
}

int main(void) {
  seed_random(SEED);
  rows_test(CASES);
#ifdef DSP
  dsp_product_test(CASES);
  dsp_depthwise_test(CASES);
#endif
#ifdef HELIUM
  helium_test(CASES);
#endif
  print("values "), print_number(compared), print(" wrong "), print_number(wrong);
#ifdef __arm__
  print(" stack "), print_number((int32_t)stack_used_bytes());
#endif
  print("\n");
#ifdef __arm__
  semihosting_exit(wrong != 0);
#else
  return wrong != 0;
#endif
}
