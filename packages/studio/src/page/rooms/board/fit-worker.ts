/** Worker that solves for the networks that make the best use of a board. */
import { estimate, type FitOptions, type FitResult, familiarity, fit, proxyOf } from "@phinets/core/scaling";
import { answerWith } from "../../answer.js";

export interface Fitted {
  readonly result: FitResult;
  /**
   * For each network of `pareto`: the accuracy proxy as a fraction of the best one's. It ranks networks and does not
   * estimate accuracy.
   */
  readonly proxies: readonly number[];
}

answerWith((options: FitOptions): Fitted => {
  const result = fit(options);
  const proxies = result.pareto.map(({ network, macs, parameters }) => {
    const { fineMacs } = estimate(network, options.board);
    return proxyOf(options.task ?? "detect", macs, fineMacs, parameters, familiarity(network));
  });
  const best = Math.max(...proxies);
  return { result, proxies: proxies.map((proxy) => proxy / best) };
});
