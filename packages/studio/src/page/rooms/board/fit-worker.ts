/** Solves for the networks that use a board, off the page's own thread. */
import { estimate, type FitOptions, type FitResult, familiarity, fit, proxyOf } from "@phinets/core/scaling";
import { answerWith } from "../../answer.js";

export interface Fitted {
  readonly result: FitResult;
  /** One a network of `pareto`: the proxy for accuracy as a share of the best one's. An order, not a figure of accuracy. */
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
