/** The part of WebAssembly that is used; its types come only with a browser's library. */
export type WasmModule = object;

interface Compiler {
  compile(bytes: Uint8Array): Promise<WasmModule>;
}

/** Rejects where the bytes are no module. */
export const compileWasm = (bytes: Uint8Array): Promise<WasmModule> =>
  (globalThis as unknown as { readonly WebAssembly: Compiler }).WebAssembly.compile(bytes);
