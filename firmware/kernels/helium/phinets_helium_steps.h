/* Steps of a program (phinets_program.h) that run the Helium kernels (phinets_helium.h). Each step looks up the
   addresses of its rows, then calls the kernel of the same name to compute row y of its output. */
#ifndef PHINETS_HELIUM_STEPS_H
#define PHINETS_HELIUM_STEPS_H

#include "phinets_helium.h"
#include "phinets_steps.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Types of step->layer: product has a phinets_helium_product, conv2d a phinets_helium_convolution, depthwise3 and
   depthwise5 a phinets_helium_depthwise, the others the type of the portable step of the same name (phinets_steps.h). A
   lookup table in them points to its first entry, as there. */
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
