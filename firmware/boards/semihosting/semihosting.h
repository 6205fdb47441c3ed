/* Arm semihosting (Arm document 100863, "Semihosting for AArch32 and AArch64"): input and output through the debugger
   or emulator. */
#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Prints a zero-terminated string to the host's console. */
void semihosting_print(const char *text);
/* Prints a number in decimal. */
void semihosting_print_number(uint32_t number);
/* Creates a binary file on the host. Returns its handle, negative if it fails. */
int semihosting_create(const char *path);
/* Writes `length` bytes to a file. Returns 0 if all are written. */
int semihosting_write(int handle, const void *bytes, uint32_t length);
/* Closes a file. */
int semihosting_close(int handle);
/* Ends the program with an exit code. */
void semihosting_exit(int code) __attribute__((noreturn));

#ifdef __cplusplus
}
#endif

#endif
