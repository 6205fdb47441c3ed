/** Okabe and Ito's palette, which colour-blind people can distinguish. */
const colours = ["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7"];

export const colourOf = (kind: number): string => colours[kind % colours.length];
