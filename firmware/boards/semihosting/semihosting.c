#include "semihosting.h"

#include <string.h>

enum { SYS_OPEN = 0x01, SYS_CLOSE = 0x02, SYS_WRITE0 = 0x04, SYS_WRITE = 0x05, SYS_EXIT_EXTENDED = 0x20 };
enum { MODE_WRITE_BINARY = 5 };
#define ADP_STOPPED_APPLICATION_EXIT 0x20026u

static int call(int operation, const void *argument) {
  register int r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

void semihosting_print(const char *text) { call(SYS_WRITE0, text); }

void semihosting_print_number(uint32_t number) {
  char digits[11];
  char *p = digits + sizeof digits;
  *--p = '\0';
  do *--p = (char)('0' + number % 10);
  while ((number /= 10) != 0);
  semihosting_print(p);
}

int semihosting_create(const char *path) {
  const uint32_t block[] = {(uint32_t)path, MODE_WRITE_BINARY, strlen(path)};
  return call(SYS_OPEN, block);
}

int semihosting_write(int handle, const void *bytes, uint32_t length) {
  const uint32_t block[] = {(uint32_t)handle, (uint32_t)bytes, length};
  return call(SYS_WRITE, block);
}

int semihosting_close(int handle) {
  const uint32_t block[] = {(uint32_t)handle};
  return call(SYS_CLOSE, block);
}

void semihosting_exit(int code) {
  const uint32_t block[] = {ADP_STOPPED_APPLICATION_EXIT, (uint32_t)code};
  call(SYS_EXIT_EXTENDED, block);
  for (;;) {
  }
}
