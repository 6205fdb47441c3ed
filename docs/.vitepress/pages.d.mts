export declare const pages: {
  readonly text: string;
  readonly items: { readonly text: string; readonly link: string }[];
}[];
