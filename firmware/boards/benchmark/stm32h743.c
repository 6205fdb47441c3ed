/*
 * The benchmark on a NUCLEO-H743ZI2: the ST-LINK's serial port (USART3, PD8 and PD9), 115200 baud; TIM2 counts microseconds.
 * Clock: the 64 MHz of the HSI, as after reset. Where you start the PLL, both have to know. Registers: ST RM0433.
 */
#include "benchmark.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))

enum { CORE_HZ = 64000000, BAUD = 115200 };
enum { RCC_AHB4ENR = 0x580244E0, RCC_APB1LENR = 0x580244E8 };
enum { GPIOD_MODER = 0x58020C00, GPIOD_AFRH = GPIOD_MODER + 0x24 };
enum { TIM2 = 0x40000000, TIM_EGR = TIM2 + 0x14, TIM_CNT = TIM2 + 0x24, TIM_PSC = TIM2 + 0x28 };
enum {
  USART3 = 0x40004800,
  USART_BRR = USART3 + 0x0C,
  USART_ISR = USART3 + 0x1C,
  USART_ICR = USART3 + 0x20,
  USART_RDR = USART3 + 0x24,
  USART_TDR = USART3 + 0x28
};

void benchmark_start(void) {
  REGISTER(RCC_AHB4ENR) |= 1u << 3;             /* GPIOD */
  REGISTER(RCC_APB1LENR) |= 1u << 18 | 1u << 0; /* USART3, TIM2 */
  (void)REGISTER(RCC_APB1LENR);                 /* on when it has been read back */
  REGISTER(GPIOD_AFRH) = (REGISTER(GPIOD_AFRH) & ~0xFFu) | 0x77;
  REGISTER(GPIOD_MODER) = (REGISTER(GPIOD_MODER) & ~(0xFu << 16)) | 0xAu << 16;
  REGISTER(USART_BRR) = (CORE_HZ + BAUD / 2) / BAUD;
  REGISTER(USART3) = 1u << 29 | 1u << 3 | 1u << 2 | 1u; /* FIFO, transmitter, receiver */
  REGISTER(TIM_PSC) = CORE_HZ / 1000000 - 1;
  REGISTER(TIM_EGR) = 1; /* takes the prescaler */
  REGISTER(TIM2) = 1;
}

int benchmark_read(void) {
  for (;;) {
    const uint32_t state = REGISTER(USART_ISR);
    if (state & 1u << 3) REGISTER(USART_ICR) = 1u << 3; /* an overrun would stop it */
    if (state & 1u << 5) return (int)(REGISTER(USART_RDR) & 0xFF);
  }
}

void benchmark_write(char byte) {
  while (!(REGISTER(USART_ISR) & 1u << 7)) {
  }
  REGISTER(USART_TDR) = (uint8_t)byte;
}

uint32_t benchmark_microseconds(void) { return REGISTER(TIM_CNT); }
