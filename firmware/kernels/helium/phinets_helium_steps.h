/* Steps of a program that run the Helium kernels: they find a row's addresses, and call. */
#ifndef PHINETS_HELIUM_STEPS_H
#define PHINETS_HELIUM_STEPS_H

#include "phinets_helium.h"
#include "phinets_steps.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a step's `layer` points to: products have a phinets_helium_product, conv2d a phinets_helium_convolution, depthwise ones
   a phinets_helium_depthwise, the others what the portable steps of their names have; a table its first entry. */
void phinets_step_helium_product(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_helium_conv2d(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_helium_depthwise3(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_helium_depthwise5(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_helium_add(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_helium_multiply(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_helium_mean(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_helium_average_map(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_helium_lookup(const phinets_step *step, const phinets_state *state, int32_t y);

#ifdef __cplusplus
}
#endif

#endif
