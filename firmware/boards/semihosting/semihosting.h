/* Arm semihosting (Arm document 100863, "Semihosting for AArch32 and AArch64"): the debugger or emulator does the
   input and output. */
#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A zero-terminated text to the host's console. */
void semihosting_print(const char *text);
/* An unsigned number in decimal. */
void semihosting_print_number(uint32_t number);
/* Opens a binary file of the host for writing; negative when it cannot. */
int semihosting_create(const char *path);
/* Writes all bytes; 0 when it could. */
int semihosting_write(int handle, const void *bytes, uint32_t length);
int semihosting_close(int handle);
/* Ends the program with an exit code. */
void semihosting_exit(int code) __attribute__((noreturn));

#ifdef __cplusplus
}
#endif

#endif
