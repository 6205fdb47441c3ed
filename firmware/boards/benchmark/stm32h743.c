/*
 * The benchmark on a NUCLEO-H743ZI2: serial port of the ST-LINK (USART3, PD8 and PD9); TIM2 counts microseconds. In
 * energy mode, the wires go to the interface board: serial on D1 and D0 (USART1, PB6 and PB7), timestamps on D7 (PG12),
 * 3.3 V push-pull. Clock: HSI at 64 MHz, as after reset. If you start the PLL, change CORE_HZ, from which the settings
 * of USART and TIM2 follow. Registers: ST RM0433.
 */
#include "benchmark.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))

enum { CORE_HZ = 64000000 };
enum { RCC_AHB4ENR = 0x580244E0, RCC_APB1LENR = 0x580244E8, RCC_APB2ENR = 0x580244F0 };
enum { TIM2 = 0x40000000, TIM_EGR = TIM2 + 0x14, TIM_CNT = TIM2 + 0x24, TIM_PSC = TIM2 + 0x28 };
#ifdef BENCHMARK_ENERGY
enum { USART = 0x40011000 }; /* USART1 */
enum { GPIOB_MODER = 0x58020400, GPIOB_AFRL = GPIOB_MODER + 0x20 };
enum { GPIOG_MODER = 0x58021800, GPIOG_BSRR = GPIOG_MODER + 0x18 };
#else
enum { USART = 0x40004800 }; /* USART3 */
enum { GPIOD_MODER = 0x58020C00, GPIOD_AFRH = GPIOD_MODER + 0x24 };
#endif
enum {
  USART_BRR = USART + 0x0C,
  USART_ISR = USART + 0x1C,
  USART_ICR = USART + 0x20,
  USART_RDR = USART + 0x24,
  USART_TDR = USART + 0x28
};

#ifdef BENCHMARK_ENERGY
void benchmark_pin(int level) { REGISTER(GPIOG_BSRR) = level ? 1u << 12 : 1u << 28; }

static void start_pins(void) {
  REGISTER(RCC_AHB4ENR) |= 1u << 6 | 1u << 1; /* GPIOG, GPIOB */
  REGISTER(RCC_APB2ENR) |= 1u << 4;           /* USART1 */
  (void)REGISTER(RCC_APB2ENR);                /* the clock is on after this read */
  benchmark_pin(1);
  REGISTER(GPIOG_MODER) = (REGISTER(GPIOG_MODER) & ~(3u << 24)) | 1u << 24;
  REGISTER(GPIOB_AFRL) = (REGISTER(GPIOB_AFRL) & ~(0xFFu << 24)) | 0x77u << 24;
  REGISTER(GPIOB_MODER) = (REGISTER(GPIOB_MODER) & ~(0xFu << 12)) | 0xAu << 12;
}
#else
static void start_pins(void) {
  REGISTER(RCC_AHB4ENR) |= 1u << 3;   /* GPIOD */
  REGISTER(RCC_APB1LENR) |= 1u << 18; /* USART3 */
  (void)REGISTER(RCC_APB1LENR);       /* the clock is on after this read */
  REGISTER(GPIOD_AFRH) = (REGISTER(GPIOD_AFRH) & ~0xFFu) | 0x77;
  REGISTER(GPIOD_MODER) = (REGISTER(GPIOD_MODER) & ~(0xFu << 16)) | 0xAu << 16;
}
#endif

void benchmark_start(void) {
  start_pins();
  REGISTER(RCC_APB1LENR) |= 1u << 0; /* TIM2 */
  (void)REGISTER(RCC_APB1LENR);
  REGISTER(USART_BRR) = (CORE_HZ + BENCHMARK_BAUD / 2) / BENCHMARK_BAUD;
  REGISTER(USART) = 1u << 29 | 1u << 3 | 1u << 2 | 1u; /* FIFO, transmitter, receiver */
  REGISTER(TIM_PSC) = CORE_HZ / 1000000 - 1;
  REGISTER(TIM_EGR) = 1; /* loads the prescaler */
  REGISTER(TIM2) = 1;
}

int benchmark_read(void) {
  for (;;) {
    const uint32_t state = REGISTER(USART_ISR);
    if (state & 1u << 3) REGISTER(USART_ICR) = 1u << 3; /* clear an overrun, which would stop reception */
    if (state & 1u << 5) return (int)(REGISTER(USART_RDR) & 0xFF);
  }
}

void benchmark_write(char byte) {
  while (!(REGISTER(USART_ISR) & 1u << 7)) {
  }
  REGISTER(USART_TDR) = (uint8_t)byte;
}

uint32_t benchmark_microseconds(void) { return REGISTER(TIM_CNT); }
